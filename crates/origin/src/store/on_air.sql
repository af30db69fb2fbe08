-- A step of the database: what is known of broadcasts that run, should the origin be killed.

create table on_air (
    room     integer primary key references rooms (id) on delete cascade,
    at_ms    integer not null,        -- when it was noted
    audience text    not null         -- who watched it until then, JSON as in the deed 'broadcast'
) strict;
