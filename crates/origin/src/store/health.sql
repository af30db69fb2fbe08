-- A step of the database: how the server did over the last week.

create table health (
    at_ms           integer primary key, -- the end of a span of five minutes; a week of them is kept
    cpu_percent     real    not null,    -- mean; of one core
    memory_bytes    integer not null,    -- mean
    disk_used_bytes integer not null,    -- at the end
    disk_bytes      integer not null,    -- at the end
    viewers         integer not null,    -- most at a time, as the next two
    publishers      integer not null,
    rooms_live      integer not null,
    ingest_bps      integer not null,    -- mean, bits per second, as the next two
    sent_bps        integer not null,
    received_bps    integer not null
) strict;
