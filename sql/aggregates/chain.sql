-- chain(frame, place, first_hash) over (partition by lane order by seq): the hash of each event of a run, set-wise.
create or replace aggregate pgtrail.chain(bytea, int, bytea) (sfunc = pgtrail.chain_step, stype = bytea);
comment on aggregate pgtrail.chain(bytea, int, bytea) is 'Hashes of a run of events';
revoke all on function pgtrail.chain(bytea, int, bytea) from public;
