// Keeps what a log has, and brings it back: for tests that share a log, whose sessions have compiled already what a new database's would have to.
import type { TestDatabase } from "../database.js"

/** Every table of the log but its partitions. */
const tables = `select c.relname from pg_class c where c.relnamespace = 'pgtrail'::regnamespace and c.relkind in ('r', 'p')
  and not exists (select from pgtrail.partitions() p where p.oid = c.oid)`

/** Schemas and tables beside the log. */
const beside = `select format('schema %I cascade', n.nspname) as named from pg_namespace n where n.nspname !~ '^pg_|^information_schema$'
  union all select format('table if exists %I.%I cascade', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname !~ '^pg_|^information_schema$' and n.nspname not in ('pgtrail', 'kept') and c.relkind in ('r', 'p')`

/**
 * What the tables have, and which partitions there are, all of them attached; a schema or a table that is new beside the log goes. Not
 * functions, triggers and grants: a test that changes those puts them back.
 */
export async function keepLog(db: Pick<TestDatabase, "query">): Promise<void> {
  await db.query(`do $do$
    declare
      kept text;
    begin
      drop schema if exists kept cascade;
      create schema kept;
      create table kept.partitions as select * from pgtrail.partitions();
      create table kept.beside as ${beside};
      if exists (select from kept.partitions p where not p.attached) then
        raise exception 'a log with detached partitions cannot be kept';
      end if;
      for kept in ${tables} loop
        execute format('create table kept.%I as select * from pgtrail.%1$I', kept);
      end loop;
      -- DELETE: after TRUNCATE every session reads the catalogs of all these tables and indexes anew.
      create function kept.bring_back() returns void language plpgsql
      set session_replication_role = replica set lock_timeout = '10s' as $$
      declare
        kept text;
        part record;
      begin
        for kept in select b.named from (${beside}) b where b.named not in (select k.named from kept.beside k) loop
          execute format('drop %s', kept);
        end loop;
        for part in select * from pgtrail.partitions() loop
          if part.is_default or part.attached and exists (select from kept.partitions k where k.name = part.name) then
            execute format('delete from only pgtrail.%I', part.name);
          else
            execute format('drop table pgtrail.%I', part.name);
          end if;
        end loop;
        perform pgtrail.create_partition(k.name, k.since, k.until) from kept.partitions k where not k.is_default;
        for kept in ${tables} loop
          if kept = 'event' or pg_relation_size(format('pgtrail.%I', kept)) > 0 then
            execute format('delete from pgtrail.%I', kept);
          end if;
          if kept = 'event' or pg_relation_size(format('kept.%I', kept)) > 0 then
            execute format('insert into pgtrail.%I select * from kept.%1$I', kept);
          end if;
        end loop;
      end $$;
    end $do$`)
}

/** After `keepLog`: the log is as it was then. */
export const bringBack = (db: Pick<TestDatabase, "query">) => db.query("select kept.bring_back()")
