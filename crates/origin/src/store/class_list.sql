-- A step of the database: who belongs to a class.

alter table rooms add column roster text not null default '[]'; -- JSON array of names; with one, attendance says who is missing
