-- A step of the database: what an owner says about a room, and who may come in.

alter table rooms add column description text not null default ''; -- plain text, 2 000 code points at most
alter table rooms add column language text;                        -- BCP 47 tag; null when nobody said it
alter table rooms add column tags text not null default '[]';      -- JSON array of words
alter table rooms add column next_at_ms integer;                   -- when the next broadcast is planned; null for never
alter table rooms add column visibility text not null default 'public'; -- 'public', 'unlisted' or 'private'
alter table rooms add column password text;                        -- of a private room: argon2id; null for none
alter table rooms add column link_digest blob;                     -- of a private room: SHA-256 of its link's code; null for none
alter table rooms add column viewer_limit integer;                 -- players at a time; null for no limit
