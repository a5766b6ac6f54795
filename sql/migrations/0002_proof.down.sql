-- Takes back incarnations, losses and signatures. Refuses where there are any to lose: without them the log would not verify any more.
do $$
begin
    if exists (select from pgtrail.incarnation i where i.number > 1) or exists (select from pgtrail.act_signature) then
        raise exception using errcode = 'object_not_in_prerequisite_state',
            message = 'the log has a second incarnation or signed acts, and an older pgtrail knows neither',
            hint = 'Nothing was changed. Stay with this version.';
    end if;
end
$$;
drop trigger pgtrail_signature on pgtrail.act;
drop function pgtrail.check_signature();
drop function pgtrail.sign_act(bigint, text);
drop function pgtrail.open_incarnation(text, text, text[], smallint[], bigint[], bytea[], timestamptz);
drop function pgtrail.accept_finding(text, text);
drop function pgtrail.set_setting(text, text);
drop function pgtrail.record_checkpoint(jsonb, text[], smallint[], bigint[], bytea[]);
drop function pgtrail.record_verification(jsonb, bytea, text[], smallint[], bigint[], bytea[]);
drop function pgtrail.check_heads(text[], smallint[], bigint[], bytea[]);
drop function pgtrail.heads_digest(text[], smallint[], bigint[], bytea[]);
drop function pgtrail.is_destructive(text);
drop table pgtrail.act_signature;
drop table pgtrail.loss;
drop table pgtrail.incarnation;
drop index pgtrail.act_kind;
delete from pgtrail.setting where name = 'require-signed-acts';
