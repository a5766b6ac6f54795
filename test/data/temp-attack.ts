// What a session hides in pg_temp to have it run by a function of somebody else: privilege-temp.test.ts.

const types = [
  ...[
    "bytea",
    "text",
    "int",
    "int4",
    "uuid",
    "jsonb",
    "json",
    "smallint",
    "int2",
    "bigint",
    "int8",
    "bool",
    "boolean",
  ],
  ...["timestamptz", "interval", "inet", "numeric", "xid8", "xid", "name", "oid", "regclass", "varchar"],
]
/** A function for each type, and what the functions of pgtrail call, under the same names. */
export const attack = `
  create function pg_temp.evil() returns boolean language plpgsql as $$
  begin
    if current_user <> session_user then raise exception 'evil ran as %', current_user; end if;
    return true;
  end $$;
  create function pg_temp.equal(text, text) returns boolean language sql as 'select pg_temp.evil()';
  create operator pg_temp.= (leftarg = text, rightarg = text, function = pg_temp.equal);
  create function pg_temp.sha256(bytea) returns bytea language sql as $$ select null::bytea from pg_temp.evil() $$;
  create function pg_temp.record_send(record) returns bytea language plpgsql as $$ begin perform pg_temp.evil(); end $$;
  create function pg_temp.hashtext(text) returns int language sql as $$ select 1 from pg_temp.evil() $$;
  create function pg_temp.gen_random_uuid() returns uuid language sql as $$ select null::uuid from pg_temp.evil() $$;
  create function pg_temp.clock_timestamp() returns timestamptz language sql as $$ select now() from pg_temp.evil() $$;
  create view pg_temp.event as select pg_temp.evil();
  create view pg_temp.chain_head as select pg_temp.evil();
  create view pg_temp.sealing as select pg_temp.evil();
  create view pg_temp.pg_class as select c.*, pg_temp.evil() from pg_catalog.pg_class c;
  create view pg_temp.pg_roles as select r.*, pg_temp.evil() from pg_catalog.pg_roles r;
  create view pg_temp.pg_attribute as select attrelid, attname, attnum, attisdropped, pg_temp.evil() from pg_catalog.pg_attribute a;
  ${types
    .map(
      (type) =>
        `create domain pg_temp."${type}" as pg_catalog.${{ int: "int4", smallint: "int2", bigint: "int8", boolean: "bool" }[type] ?? type}
           check (pg_temp.evil());`,
    )
    .join("\n")}
`
