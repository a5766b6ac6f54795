// Where the servers of the tests keep their data: in memory where there is room, for a database is a thousand small files.
import { statfsSync } from "node:fs"
import { freemem, platform } from "node:os"

const memory = "/dev/shm"
/** A whole run takes a third of it. */
const needed = 3 * 2 ** 30

/** Otherwise in /tmp, not below TMPDIR: a socket's path must be short, and the server's user must be able to enter. */
export const serverFolders = platform() === "linux" ? [memory, "/tmp"] : ["/tmp"]

/** Nothing is run from there: in a container it may be mounted noexec. Two processes that decide differently do no harm. */
export const serverFolder = hasRoom() ? memory : "/tmp"

/** Shared memory lies in the data folder: of a killed server nothing stays elsewhere that only its next start removes. */
export const serverSettings = { dynamic_shared_memory_type: "mmap" }

function hasRoom(): boolean {
  if (!serverFolders.includes(memory) || freemem() < 2 * needed) return false
  try {
    const { bavail, bsize } = statfsSync(memory)
    return bavail * bsize >= needed
  } catch {
    return false
  }
}
