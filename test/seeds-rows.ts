// Rows for the tables of the seeds that print statements: each column has values and nulls, and each filter finds some.

/** By seed; they run on the seed's own table and on the view. */
export const seedRows: Readonly<Record<string, readonly string[]>> = {
  "000": [
    `INSERT INTO audit_logs (id, timestamp, user_id, user_role, operation, resource_type, resource_id, action_result,
       ip_address, user_agent, request_id, data_classification, data_size_bytes, details, signature)
     VALUES
       ('00000000-0000-4000-8000-000000000001', '2026-09-01 10:00:00+02', 'ada', 'admin', 'mem0_search', 'memory', 'm-1',
        'allowed', '192.0.2.1', 'curl/8', 'r-1', 'internal', 1024, '{"query": "notes", "hits": [1, 2]}', 'c2ln'),
       ('00000000-0000-4000-8000-000000000002', '2026-09-30 23:59:59.999999+00', 'bob', NULL, 'policy_check', 'policy', 'p-1',
        'denied', '2001:db8::1', NULL, 'r-2', 'restricted', NULL, NULL, NULL),
       ('00000000-0000-4000-8000-000000000003', '2026-10-01 00:00:00+00', 'bob', 'user', 'mem0_add', 'memory', 'm-2',
        'error', '10.0.0.0/8', 'x', NULL, 'public', 0, '{}', '')`,
    `INSERT INTO audit_logs (user_id, operation, action_result) VALUES ('cy', 'mem0_search', 'allowed'), ('cy', 'mem0_search', 'allowed')`,
  ],
  "001": [
    `INSERT INTO audit_logs (event_type, severity, user_id, username, resource_type, resource_id, action, after_state,
       ip_address, success, compliance_tags, timestamp)
     VALUES
       ('memory.created', 'info', 'user123', 'alice', 'memory', '42', 'create', '{"content": "Meeting notes"}', '192.168.1.100',
        TRUE, NULL, DATE_TRUNC('day', NOW())::timestamp),
       ('auth.login.failed', 'warning', 'user123', 'alice', NULL, NULL, NULL, NULL, '192.168.1.100', FALSE, NULL, DATE_TRUNC('day', NOW())::timestamp - INTERVAL '91 days'),
       ('memory.retrieved', 'info', 'user123', NULL, 'memory', NULL, 'read', NULL, NULL, TRUE, '["SOC2", "GDPR", "HIPAA"]',
        DATE_TRUNC('day', NOW())::timestamp - INTERVAL '1 day')`,
  ],
  "002": [
    // As many as the seed's OFFSET passes over, each at a time of its own.
    `INSERT INTO audit_events (event_id, timestamp, organization_id, project_id, actor_type, actor_id, actor_email, actor_ip,
       actor_user_agent, event_category, event_type, event_severity, resource_type, resource_id, resource_name, action,
       previous_state, new_state, request_id, session_id, hash, previous_hash)
     SELECT 'evt-' || i, '2026-01-15 10:00:30+00'::timestamptz - i * INTERVAL '7 seconds',
       CASE WHEN i % 3 = 0 THEN 'org-456' ELSE 'org-123' END, CASE WHEN i % 2 = 0 THEN 'p-' || i % 5 END,
       (ARRAY['user', 'service', 'system'])[1 + i % 3], 'user-' || 120 + i % 7, 'u' || i % 7 || '@example.org',
       CASE WHEN i % 4 > 0 THEN ('192.0.2.' || i % 250)::inet END, CASE WHEN i % 5 > 0 THEN 'curl/8' END,
       (ARRAY['auth', 'data', 'config', 'admin', 'eval'])[1 + i % 5], 'thing.' || i % 11,
       (ARRAY['info', 'warning', 'critical'])[1 + i % 3], 'trace', 't-' || i % 100, CASE WHEN i % 6 > 0 THEN 'Trace ' || i END,
       (ARRAY['create', 'read', 'update', 'delete', 'export'])[1 + i % 5],
       CASE WHEN i % 2 = 0 THEN jsonb_build_object('n', i) END, CASE WHEN i % 3 = 0 THEN jsonb_build_object('n', i + 1) END,
       'r-' || i, CASE WHEN i % 2 = 0 THEN 's-' || i % 9 END, 'sent by the application', ''
     FROM generate_series(1, 10060) i`,
    `INSERT INTO audit_events (event_id, timestamp, organization_id, actor_type, actor_id, event_category, event_type,
       event_severity, resource_type, resource_id, action, request_id, hash)
     VALUES
       ('evt-old', DATE_TRUNC('day', NOW()) - INTERVAL '8 years', 'org-123', 'user', 'user-123', 'auth', 'auth.login', 'info', 'user', 'u', 'read', 'r', 'h'),
       ('evt-new', DATE_TRUNC('day', NOW()) - INTERVAL '3 days', 'org-123', 'user', 'user-123', 'auth', 'auth.login', 'critical', 'user', 'u', 'read', 'r', 'h')`,
  ],
}

/** What the application of seed 000 gives for its seven %s. */
export const appendedByMem0 = [
  "00000000-0000-4000-8000-000000000009",
  "2026-11-02 12:00:00.5",
  "dee",
  "mem0_update",
  "m-9",
  "allowed",
  '{"why": "test"}',
] as const
