-- A step of the database: addresses of accounts, and the links in letters to them.

alter table accounts add column email text; -- confirmed by a letter to it; null without one

create table mail_links (
    digest   blob    primary key,           -- SHA-256 of the code in the link
    account  integer not null references accounts (id) on delete cascade,
    purpose  text    not null,              -- 'confirm': the address becomes the account's; 'reset': another password
    email    text    not null,              -- where the letter went
    until_ms integer not null
) strict, without rowid;
create index mail_links_by_account on mail_links (account);
