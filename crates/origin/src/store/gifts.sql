-- A step of the database: gifts, and the points that they cost.

create table gifts (
    id      text    primary key,           -- what chat frames call it: 1 to 64 of a-z, 0-9, -
    name    text    not null,              -- for people, 1 to 32 code points
    name_zh text,                          -- for people who read Chinese; null: name is for everybody
    emoji   text    not null,              -- its picture
    points  integer not null check (points > 0) -- what one costs
) strict, without rowid;
insert into gifts (id, name, name_zh, emoji, points) values
    ('clap', 'Applause', '掌声', '👏', 1),
    ('flower', 'Flower', '鲜花', '🌹', 5),
    ('star', 'Star', '星星', '⭐', 20),
    ('rocket', 'Rocket', '火箭', '🚀', 100);

-- The sum of an account's ledger, and never less than nothing.
create table wallets (
    account        integer primary key references accounts (id) on delete cascade,
    points         integer not null check (points >= 0),
    watched_minute integer not null        -- the last minute that earned points by watching, Unix time; 0 for none
) strict;

-- Each change of a wallet, once: whoever asks again with the same key changes nothing.
create table ledger (
    id         integer primary key autoincrement,
    account    integer not null references accounts (id) on delete cascade,
    kind       text    not null,           -- 'grant', 'watch' or 'gift'
    key        text    not null,           -- grant: the request's key; watch: the day, Unix time; gift: room's number, '/', giver's own id
    at_ms      integer not null,           -- the first of it; a day of watching is one line
    points     integer not null,           -- what it adds to the wallet; less than nothing when it was given
    room       integer,                    -- gift: the room's number
    seq        integer,                    -- gift: its line of the room's log
    to_account integer,                    -- gift: whose honour; null for a guest's
    note       text    not null,           -- for people: why it was granted, or which gift
    unique (account, kind, key)
) strict;

-- settings.name may also be 'watch_points_per_minute', a whole number.
