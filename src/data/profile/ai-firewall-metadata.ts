// What a client of AI Usage Firewall may say of a prompt, and what of it is stored: names, numbers and versions, and never its text.
import type { Companion, Place } from "./shape.js"

/** Names that hold a prompt or an answer, in small letters and without what stands between them. */
const promptKeys = [
  ...["prompt", "prompts", "prompttext", "promptcontent", "promptbody", "rawprompt", "originalprompt"],
  ...["sanitizedprompt", "userprompt", "systemprompt", "content", "contents", "text", "rawtext"],
  ...["originaltext", "sanitizedtext", "message", "messages", "completion", "completions"],
  ...["response", "responses", "responsetext", "question", "answer", "userinput", "userquery"],
]

/** The keys of log_metadata that are stored, written in the same way. The system names the browser's version and the OS; these are of that kind. */
export const knownKeys = [
  ...["browser", "browsername", "browserversion", "os", "osname", "osversion", "platform", "platformversion"],
  ...[
    "architecture",
    "arch",
    "engine",
    "name",
    "version",
    "build",
    "channel",
    "locale",
    "language",
    "timezone",
  ],
  ...[
    "client",
    "clientname",
    "clientversion",
    "clienttype",
    "agentversion",
    "appversion",
    "extensionversion",
  ],
  ...["pluginversion", "cliversion", "sdkversion", "schemaversion", "toolversion", "model", "modelversion"],
  ...["promptlength", "durationms", "latencyms", "processingms"],
]

/** Characters of a value of log_metadata, where it is text or a number. */
export const valueLimit = 64

/** Whether `column` is a list of names, or an object of names with numbers. */
export const areTypes = (column: string): string => `case jsonb_typeof(${column}::jsonb)
            when 'null' then true
            when 'array' then jsonb_array_length(${column}::jsonb) <= 100 and not jsonb_path_exists(${column}::jsonb,
                'strict $[*] ? (@.type() != "string" || !(@ like_regex "^[A-Za-z][A-Za-z0-9_.:-]{0,63}$"))')
            when 'object' then (
                select count(*) <= 100 and coalesce(bool_and(t.key ~ '^[A-Za-z][A-Za-z0-9_.:-]{0,63}$'
                    and jsonb_typeof(t.value) = 'number' and length(t.value::text) <= 20), true)
                from jsonb_each(${column}::jsonb) t)
            else false end`

const known: Companion = {
  name: "pgtrail_log_metadata",
  kind: "function",
  signature: "(jsonb)",
  isPrivate: true,
  // What is left out is said to the client and not to the server's log: a key may be what somebody typed. Compiled (jit), its statement would take a
  // second: the planner takes a document for one of many keys.
  sql: ({
    schema,
  }) => `create or replace function ${schema}.pgtrail_log_metadata(document jsonb) returns jsonb
language plpgsql volatile parallel safe
set search_path = pg_catalog, pg_temp
set standard_conforming_strings = on
set jit = off
as $metadata$
declare
    kept jsonb := '{}';
    gone text[];
begin
    if jsonb_typeof(document) = 'null' then
        return document;
    end if;
    with member as (
        select null::text as parent, m.key, m.value from jsonb_each(document) m
        union all
        select m.key, p.key, p.value
        from jsonb_each(document) m, lateral jsonb_each(case jsonb_typeof(m.value) when 'object' then m.value end) p
    ), judged as (
        select r.*, r.key ~ '^[A-Za-z][A-Za-z0-9_ .-]{0,39}$' and regexp_replace(lower(r.key), '[^a-z]', '', 'g') = any ('{${knownKeys.join(",")}}')
            and case jsonb_typeof(r.value)
                when 'object' then r.parent is null
                when 'array' then false
                else length(r.value #>> '{}') <= ${valueLimit} is not false and r.value #>> '{}' ~ '[[:cntrl:]]' is not true end as is_known
        from member r
    )
    select (select coalesce(jsonb_object_agg(j.key, case jsonb_typeof(j.value)
                when 'object' then coalesce((select jsonb_object_agg(p.key, p.value) from judged p where p.parent = j.key and p.is_known), '{}')
                else j.value end), '{}')
            from judged j where j.parent is null and j.is_known),
        (select array_agg(distinct case when j.key ~ '^[A-Za-z][A-Za-z0-9_.-]{0,63}$' then concat_ws('.', j.parent, j.key) else 'a key that is no word' end)
            from judged j
            where not j.is_known and (j.parent is null or exists (select from judged p where p.parent is null and p.key = j.parent and p.is_known)))
    into kept, gone;
    if gone is not null then
        raise notice using message = format('log_metadata: not stored: %s', array_to_string(gone[:20], ', ')),
            hint = 'Only what is known to be about the client is stored: pgtrail profile show ai-firewall';
    end if;
    return kept;
end
$metadata$;
revoke all on function ${schema}.pgtrail_log_metadata(jsonb) from public;`,
}

export const metadataCompanions: readonly Companion[] = [known]

/** Only where a document has one of these words at all, or a character written as a number, is it walked through. */
export const noPrompt = ({ schema }: Place): string => {
  const refuse = (column: string, message: string) =>
    `raise exception using errcode = '23514', constraint = 'pgtrail_no_prompt_text', column = '${column}',
                table = tg_table_name, schema = tg_table_schema,
                message = ${message}`
  const walks = ["log_metadata", "detected_entity_types"].map(
    (column) => `        with recursive walk (key, value) as (
            select null::text, new.${column}::jsonb
            union all
            select m.key, m.value
            from walk w, lateral (
                select o.key, o.value from jsonb_each(case jsonb_typeof(w.value) when 'object' then w.value end) o
                union all
                select null, a.value from jsonb_array_elements(case jsonb_typeof(w.value) when 'array' then w.value end) a (value)
            ) m
        )
        select w.key into found_row from walk w
        where regexp_replace(lower(w.key), '[^a-z]', '', 'g') = any ('{${promptKeys.join(",")}}') limit 1;
        if found then
            ${refuse(
              column,
              `format('column ${column} of relation %I must not have the key %s: no text of a prompt or an answer is stored',
                    tg_table_name, to_json(left(found_row.key, 100)))`,
            )};
        end if;`,
  )
  return `    if concat(new.log_metadata, new.detected_entity_types) ~* 'prompt|content|text|message|completion|response|question|answer|user|\\\\u' then
${walks.join("\n")}
    end if;
    if json_typeof(new.log_metadata) not in ('object', 'null') then
        ${refuse("log_metadata", "format('column log_metadata of relation %I must be an object: no text of a prompt or an answer is stored', tg_table_name)")};
    end if;
    if new.log_metadata::text <> '{}' then
        new.log_metadata := ${schema}.pgtrail_log_metadata(new.log_metadata::jsonb)::json;
    end if;`
}
