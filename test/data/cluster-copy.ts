// Physical copies of a data folder, as pg_basebackup makes them, which the npm package has not.
import { execFile } from "node:child_process"
import { chown, mkdir, readdir, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import type pg from "pg"
import { invoker, serverEnvironment } from "../../src/data/embedded/owner.js"

const run = promisify(execFile)

/** The server's user must be able to read and to remove it. */
export async function writeOwned(pgdata: string, name: string, text: string): Promise<void> {
  const { uid, gid } = await stat(pgdata)
  await writeFile(join(pgdata, name), text, { mode: 0o600 })
  if (invoker().isRoot) await chown(join(pgdata, name), uid, gid)
}

/** Of a server that runs. The label must come from the session that began the backup. */
export async function backUp(session: pg.Client, pgdata: string, path: string): Promise<void> {
  const { rows } = await session.query<{ old: string }>(
    "select current_setting('server_version_num')::int < 150000 as old",
  )
  const old = rows[0]?.old === "t"
  await session.query(
    old ? "select pg_start_backup('copy', true, false)" : "select pg_backup_start('copy', true)",
  )
  // Everything but the WAL, which comes last: then it reaches to the end of the copying.
  const { uid, gid, mode } = await stat(pgdata)
  await mkdir(path, { mode })
  if (invoker().isRoot) await chown(path, uid, gid)
  const own = ["pg_wal", "postmaster.pid", "postmaster.opts"]
  const names = (await readdir(pgdata)).filter((name) => !own.includes(name))
  await copyWhileWritten(
    names.map((name) => join(pgdata, name)),
    path,
  )
  const stopped = await session.query<{ labelfile: string }>(
    old
      ? "select labelfile from pg_stop_backup(false, false)"
      : "select labelfile from pg_backup_stop(false)",
  )
  await copyWhileWritten([join(pgdata, "pg_wal")], path)
  await writeOwned(path, "backup_label", stopped.rows[0]?.labelfile ?? "")
  await session.end()
}

/** Of a server that is stopped. */
export async function copyStopped(pgdata: string, path: string): Promise<void> {
  await run("cp", ["-a", pgdata, path], { env: serverEnvironment })
}

/** cp complains about files that go away while it copies; a backup may miss those. */
async function copyWhileWritten(from: readonly string[], to: string): Promise<void> {
  await run("cp", ["-a", ...from, to], { env: serverEnvironment }).catch((error: Error) => {
    if (!/No such file/.test(error.message)) throw error
  })
}
