-- A step of the database: what members do besides writing.

-- log.kind is one of: 'message'; 'held', a message that waits for a moderator; 'notice'; 'deed', what somebody did;
-- 'quiet', one of many deeds of its kind (votes, hands, up-votes, counts), which no page of the log shows.
-- For deeds, sender_id to own_id say whose doing it is (null: the room's own), and text is the deed as JSON.
alter table log add column extra text;      -- messages: JSON of what only some have (answers, flies, was held); else null
alter table log add column deleted_by text; -- messages: name of who took it away; null while it stands

create index log_tail on log (room, seq) where kind <> 'quiet';
create index log_deeds on log (room, seq) where kind = 'deed';

create table floors (
    room  integer primary key references rooms (id) on delete cascade,
    seq   integer not null,        -- all lines of the log up to this one are in it
    floor text    not null         -- what stood in the room then, JSON: lines after it are applied to it
) strict;
