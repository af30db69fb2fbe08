-- The truth of an origin. Times are Unix time in milliseconds, the origin's clock.
-- Secrets are kept as SHA-256 (32 bytes), passwords as argon2id in PHC form.

create table accounts (
    id            integer primary key,
    name          text    not null,        -- 1 to 32 letters, digits, _ or -
    name_folded   text    not null unique, -- the name without case and punctuation: what must be unique
    password      text,                    -- argon2id; null for the local owner, who signs in only through the app
    admin         integer not null,        -- 1 for an administrator, else 0
    local         integer not null,        -- 1 for the owner of the app this origin runs in, else 0
    created_at_ms integer not null
) strict;

create table api_tokens (
    digest        blob    primary key,     -- SHA-256 of the token
    account       integer not null references accounts (id) on delete cascade,
    label         text    not null,        -- who holds it, for people
    created_at_ms integer not null
) strict, without rowid;

create table rooms (
    id             integer primary key,
    slug           text    not null unique, -- 1 to 64 of a-z, 0-9, -
    title          text    not null,        -- 1 to 100 code points
    owner          integer references accounts (id) on delete set null, -- null until there is an admin
    key_digest     blob    not null unique, -- SHA-256 of the stream key, 32 bytes
    key_last_four  text    not null,        -- the key's last four characters, for display
    epoch          text    not null,        -- identifies the log; another one when the log starts anew
    created_at_ms  integer not null
) strict;

create table log (
    room          integer not null references rooms (id) on delete cascade,
    seq           integer not null,        -- place in the room's log, from 1, rising, gaps allowed
    at_ms         integer not null,        -- when it was sent
    kind          text    not null,        -- 'message' or 'notice'
    sender_id     text,                    -- messages: stable id of the account or guest
    sender_name   text,                    -- messages: shown name at that time
    sender_roles  text,                    -- messages: JSON array of roles at that time
    own_id        text,                    -- messages: the sender's own id, which makes a repeat harmless
    text          text    not null,        -- messages: plain text, 1 to 500 code points; notices: their code
    primary key (room, seq)
) strict, without rowid;
