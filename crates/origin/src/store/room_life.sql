-- A step of the database: how long a room lives, who follows it, and its picture.

alter table rooms add column refuse_second integer not null default 0; -- 1: a publisher beside another is refused; 0: it takes over
alter table rooms add column archived_at_ms integer;                   -- since when nobody may publish to it; null while it is open
alter table rooms add column changed_at_ms integer not null default 0; -- when its owner last changed what is said about it

create table followers (
    account  integer not null references accounts (id) on delete cascade,
    room     integer not null references rooms (id) on delete cascade,
    since_ms integer not null,
    primary key (account, room)
) strict, without rowid;
create index followers_by_room on followers (room);

-- What is shown while a room is not live.
create table room_pictures (
    room       integer primary key references rooms (id) on delete cascade,
    made_at_ms integer not null,
    jpeg       blob    not null            -- encoded by this program, whatever was uploaded
) strict;
