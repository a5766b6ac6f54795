-- Takes back incarnations, losses and signatures. Refuses where there are any, unless that was confirmed for this database: without them
-- the log does not verify any more, neither there nor after another migration up.
do $$
declare
    incarnations bigint;
    losses bigint;
    signatures bigint;
begin
    select count(*) into incarnations from pgtrail.incarnation i where i.number > 1;
    select count(*) into losses from pgtrail.loss;
    select count(*) into signatures from pgtrail.act_signature;
    if incarnations + losses + signatures > 0 and current_setting('pgtrail.confirmed', true) is distinct from current_database() then
        raise exception using errcode = 'object_not_in_prerequisite_state',
            message = format('what migration 0002_proof holds would be lost (incarnations: %s, recorded losses: %s, signatures of acts: %s): '
                'without it the log does not verify as intact any more, not even after another migrate up',
                incarnations, losses, signatures),
            hint = 'Nothing was lost. To lose it, run it with --confirm and the name of the database.';
    end if;
end
$$;
drop trigger pgtrail_signature on pgtrail.act;
drop table pgtrail.act_signature;
drop table pgtrail.loss;
drop table pgtrail.incarnation;
drop index pgtrail.act_kind;
delete from pgtrail.setting where name = 'require-signed-acts';
