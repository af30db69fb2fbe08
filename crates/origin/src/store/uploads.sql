-- Files that were uploaded to be broadcast.

create table uploads (
    id            text    primary key,     -- 32 hexadecimal digits; names the file in uploads/
    room          integer not null references rooms (id) on delete cascade,
    name          text    not null,        -- what the file was called where it came from, for people
    bytes         integer not null,        -- of the whole file
    created_at_ms integer not null,
    heard_at_ms   integer not null,        -- when bytes of it came last
    state         text    not null,        -- 'receiving', 'checking', 'ready', 'scheduled', 'live', 'done' or 'refused'
    facts         text,                    -- what was found in it, JSON; null before it was checked
    live_at_ms    integer,                 -- when it goes live, or went
    repeat        integer not null,        -- 1 when it begins anew at its end
    ended         text,                    -- why it is not live any more, or did not go live: a code
    note          text                     -- the same, or why it was refused, in words
) strict, without rowid;

create index uploads_by_room on uploads (room, created_at_ms);
create index uploads_by_state on uploads (state, live_at_ms);
