-- A step of the database: who is told of what happens, and what is still to be told.

create table webhooks (
    id            integer primary key autoincrement,
    url           text    not null,        -- http or https
    secret        text    not null,        -- signs what is sent; kept as it is, since each signature needs it
    events        text    not null,        -- JSON array of 'live', 'ended', 'message', 'recording_ready'
    allow_private integer not null,        -- 1 when the URL may lead to this machine or its network
    created_at_ms integer not null,
    waiting       integer not null default 0, -- deliveries that are not settled; beyond a limit nothing more is queued
    dropped       integer not null default 0  -- events that were not queued for that
) strict;

create table deliveries (
    id            integer primary key autoincrement,
    webhook       integer not null references webhooks (id) on delete cascade,
    event         text    not null,
    body          text    not null,        -- JSON, as it is sent
    created_at_ms integer not null,
    tries         integer not null default 0,
    next_at_ms    integer,                 -- when it is tried, or tried again; null once it is settled
    tried_at_ms   integer,                 -- when it was tried last
    status        integer,                 -- the last answer's HTTP status; null without an answer
    problem       text                     -- why the last try failed, in words; null when it did not
) strict;
create index deliveries_due on deliveries (webhook, next_at_ms) where next_at_ms is not null;
create index deliveries_by_webhook on deliveries (webhook, id);
