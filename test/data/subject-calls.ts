// How each SECURITY DEFINER function that answers requests of people is called by who attacks it: privilege-temp.test.ts.

const staged = (values: string): string =>
  `begin; select pgtrail.subject_stage(); insert into pg_temp.pgtrail_subject (kind, value) values ${values}`
/** Every kind of identifier, a hold, a floor and a rule, an event that each of them concerns, and what is ruled to be personal. */
const everybody = `('id', 'ann'), ('email', 'a@x.org'), ('name', 'Ann'), ('ip', '::1'), ('device', 'd'), ('session', 's'), ('resource', 'person/ann'), ('text', 'annie')`
const event = `insert into pgtrail.event (organization_id, event_type, occurred_at, actor_id, actor_email, description, details, tags, compliance_tags, resource_type, resource_id, signature)
  select 'people', 'p.' || n, '1999-01-01Z', 'ann', 'a@x.org', 'is annie', '{"who": "ann", "hash": "x", "a": [{"b": "annie"}]}', '{ann,b}', '{PCI}', 'person', 'ann', 's' from generate_series(1, 3) n`
const rules = `select pgtrail.add_subject_rule('resource', null, 'person'), pgtrail.add_subject_rule('path', 'p', null, '{details,a,*,b}'),
  pgtrail.add_subject_rule('keep', 'p.2'), pgtrail.set_retention('floor', 'pci', 36500, compliance_tag => 'PCI'), pgtrail.add_hold('c', 'r', 'people', event_type => 'p.3'),
  pgtrail.add_hold('over', 'r', 'people', 'ann'), pgtrail.release_hold('over', 'r')`
const begun = `${staged(everybody)}; ${event}; ${rules}; select pgtrail.redact_begin()`
const found = `${begun}; select pgtrail.find_subject('event_default', '{people}', '1998-01-01Z', '2000-01-01Z', true)`
/** An erasure from its beginning to the files of the tables. */
const erased = `${found}; select * from pgtrail.plan_cases(); 
  select pgtrail.redact_partition('event_default', 'erase'); select * from pgtrail.record_redaction('erase', 'r', 'w');
  set constraints all immediate; select * from pgtrail.redacted_partitions(); select pgtrail.rewrite_partition('event_default')`
const viewed = `${staged(everybody)}; ${event}; ${rules}; select pgtrail.find_subject('event_default');
  select pgtrail.subject_view('event_default'); select * from pg_temp.pgtrail_found`
const request = "select pgtrail.add_request('erasure', now(), 'r-1', 'n')"
const restriction = `${staged("('id', 'ann')")}; select pgtrail.restrict_subject('people', 'r', 'w')`

export const subjectCalls: Readonly<Record<string, readonly string[]>> = {
  subject_stage: ["begin; select pgtrail.subject_stage(); select pgtrail.subject_stage()"],
  find_subject: [
    erased,
    viewed,
    `${staged(everybody)}; ${event}; select pgtrail.find_subject('event_default', told => false)`,
  ],
  find_listed: [
    `${begun}; insert into pg_temp.pgtrail_listed (organization_id, lane, seq, group_name, fields) values ('people', 0, 1, 'content', '{details.0}');
     select pgtrail.find_listed('event_default'); select pgtrail.redact_partition('event_default', 'reapply');
     select * from pgtrail.record_redaction('reapply', 'r')`,
  ],
  plan_cases: [erased],
  subject_view: [viewed],
  named_holds: [
    `${staged(everybody)}; select pgtrail.add_hold('n', 'r', actor => 'ann'), pgtrail.release_hold('n', 'r'); select pgtrail.named_holds()`,
  ],
  redact_begin: [erased],
  check_redacting: [erased],
  redact_partition: [erased],
  record_redaction: [erased],
  redacted_partitions: [erased],
  rewrite_partition: [erased],
  rewrite_summary: ["begin; select pgtrail.rewrite_summary(true)"],
  analyze_log: ["begin; select pgtrail.analyze_log()"],
  add_subject_rule: [`begin; ${rules}`],
  remove_subject_rule: [
    "begin; select pgtrail.remove_subject_rule(pgtrail.add_subject_rule('keep', 'none', classification => 'PHI', note => 'n'))",
  ],
  restrict_subject: [restriction],
  unrestrict_subject: [
    `${staged(everybody.replace(", ('text', 'annie')", ""))}; select pgtrail.unrestrict_subject(pgtrail.restrict_subject('people', 'r', 'w'), 'r', 'w')`,
  ],
  add_request: [`begin; ${request}`],
  extend_request: [`begin; ${request}; select pgtrail.extend_request('r-1', 'many')`],
  close_request: [
    `begin; ${request}; select pgtrail.close_request('r-1', 'done', 'w', repeat('ab', 32), 'r')`,
  ],
  note_request_act: [
    `${staged("('id', 'ann')")}; ${request};
     select pgtrail.note_request_act('r-1', pgtrail.restrict_subject('people', 'r', 'w'), '[{"kind": "archive", "name": "a"}]')`,
  ],
  rectify_event: [
    `${staged(`('actor_name', '"Ann"'), ('details', '{"a": 1}')`)}; ${event};
     select pgtrail.rectify_event(e.organization_id, e.lane, e.seq, 'r', 'w') from (select * from pgtrail.event where organization_id = 'people' limit 1) e`,
  ],
}
