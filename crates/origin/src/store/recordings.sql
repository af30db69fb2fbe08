-- The second step of the database: recordings.

alter table rooms add column record integer not null default 0; -- 1 when broadcasts of the room are recorded

create table recordings (
    id            text    primary key,     -- 32 hexadecimal digits; names the files in recordings/
    room          integer not null references rooms (id) on delete cascade,
    title         text    not null,        -- the room's when it began
    started_at_ms integer not null,
    duration_ms   integer not null,        -- of the media; 0 while it is written
    bytes         integer not null,        -- of its files; 0 while it is written
    parts         integer not null,        -- files, numbered from 1: one more whenever parameters changed
    state         text    not null,        -- 'writing' or 'done'
    note          text,                    -- why it stopped before its broadcast, in words
    tracks        text    not null         -- codecs as people write them, JSON array
) strict, without rowid;

create index recordings_by_room on recordings (room, started_at_ms);

create table recording_spans (
    recording text    not null references recordings (id) on delete cascade,
    media_ms  integer not null,            -- from the recording's beginning
    unix_ms   integer not null,            -- when that was received; it runs on from there to the next span
    primary key (recording, media_ms)
) strict, without rowid;
