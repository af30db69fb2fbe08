-- A step of the database: a room's number is never another room's, also when the room is gone.

create table last_room (id integer not null) strict;
insert into last_room select coalesce(max(id), 0) from rooms;

create trigger room_gone after delete on rooms
begin
    update last_room set id = max(id, old.id);
end;
