-- A step of the database: roles, sign-in, tokens of many, invitations.

alter table accounts add column role text not null default 'viewer'; -- 'viewer', 'broadcaster' or 'admin'
update accounts set role = 'admin' where admin = 1;
alter table accounts drop column admin;
alter table accounts add column name_skeleton text; -- what two names must not share that look alike; null until the program filled it in
alter table accounts add column seen_at_ms integer; -- when the account last signed in or was used; null for never
create index accounts_by_skeleton on accounts (name_skeleton);

-- Numbers of accounts are never given twice: messages and rooms name people by them.
create table account_ids (
    id integer primary key autoincrement
) strict;
insert into account_ids (id) select id from accounts;

create table sessions (
    id            integer primary key autoincrement,
    digest        blob    not null unique, -- SHA-256 of what the cookie holds
    account       integer not null references accounts (id) on delete cascade,
    created_at_ms integer not null,
    used_at_ms    integer not null,        -- written at most every few minutes
    lasting       integer not null,        -- 1 when the browser was told to keep it, 0 until the browser is closed
    agent         text    not null         -- the browser as it names itself, 200 code points at most
) strict;
create index sessions_by_account on sessions (account);

-- Tokens get a number of their own, scopes, and the time of their last use.
alter table api_tokens rename to api_tokens_before;
create table api_tokens (
    id            integer primary key autoincrement,
    digest        blob    not null unique, -- SHA-256 of the token
    account       integer not null references accounts (id) on delete cascade,
    label         text    not null,        -- who holds it, for people
    scopes        text    not null,        -- JSON array of 'rooms:read', 'rooms:write', 'chat', 'account', 'admin'
    created_at_ms integer not null,
    used_at_ms    integer                  -- written at most every few minutes; null for never
) strict;
create index api_tokens_by_account on api_tokens (account);
insert into api_tokens (digest, account, label, scopes, created_at_ms)
    select digest, account, label, '["rooms:read","rooms:write","chat","account","admin"]', created_at_ms
    from api_tokens_before;
drop table api_tokens_before;

create table invitations (
    id            integer primary key autoincrement,
    digest        blob    not null unique, -- SHA-256 of the code in the link
    label         text    not null,        -- who it is for, for people
    role          text    not null,        -- of the account that is made with it: 'viewer' or 'broadcaster'
    made_by       integer references accounts (id) on delete set null, -- null for the operator
    created_at_ms integer not null,
    expires_at_ms integer not null,
    used_by       integer references accounts (id) on delete set null,
    used_at_ms    integer                  -- null while it is good
) strict;

create table moderators (
    room    integer not null references rooms (id) on delete cascade,
    account integer not null references accounts (id) on delete cascade,
    primary key (room, account)
) strict, without rowid;

-- What an administrator changes while the origin runs; what is missing is as the settings file says.
create table settings (
    name  text primary key,                -- 'registration'
    value text not null                    -- registration: 'open', 'invite' or 'closed'
) strict, without rowid;
