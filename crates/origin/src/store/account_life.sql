-- A step of the database: accounts that are locked.

alter table accounts add column locked_at_ms integer; -- since when it cannot be used; null while it can
