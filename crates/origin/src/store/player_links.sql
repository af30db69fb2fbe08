-- A step of the database: links of private rooms that open them for a time.

alter table rooms add column link_key blob; -- 32 random bytes that such links are signed with; null until the first one is made
