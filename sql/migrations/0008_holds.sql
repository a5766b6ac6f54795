-- A hold that is over may name somebody who is erased: then its names go, and its act must not let them be guessed from their digest.
alter table pgtrail.hold add column salt uuid, add column cleared_seq bigint;
comment on column pgtrail.hold.salt is 'Random, part of the digest of its act; null when its names are cleared, and of a hold that an earlier pgtrail placed';
comment on column pgtrail.hold.cleared_seq is 'The act of the redaction that took the names of a subject out of it, when it was over';
-- It takes one argument more.
drop function if exists pgtrail.record_redaction(text, text, text, text, boolean, timestamptz, timestamptz, jsonb, interval);
