// What a recovery is to read is looked at before anything of the ledger is touched.
import { parseCheckpoint, parseNote } from '@careseal/ledger-core'
import { CliError, EXIT } from '../exit.js'
import { reasonOf, request } from '../http.js'
import { exportedCheckpoint } from '../verify/export-files.js'

/**
 * That `from`, a base URL or a folder, says to be a mirror of the log `origin`; whether it is, only its entries show.
 * Throws a CliError: (usage) for a folder without a checkpoint, (unreachable), (verification) for another log's.
 */
export async function requireMirror(from: string, origin: string): Promise<void> {
  const note = /^https?:/.test(from) ? await servedCheckpoint(from.replace(/\/+$/, '')) : exportedCheckpoint(from)
  const found = originIn(note)
  if (found === origin) return
  const told = found === null ? `${from} holds no checkpoint of a log` : `${from} is a mirror of ${found}`
  throw new CliError(EXIT.verification, `${told}; the ledger of this folder is ${origin}: name a mirror of it`)
}

async function servedCheckpoint(base: string): Promise<string> {
  const url = `${base}/checkpoint`
  if (!URL.canParse(url)) throw new CliError(EXIT.usage, `${base} is no URL: name the base URL of a mirror`)
  const response = await request(url)
  const text = await response.text()
  if (response.ok) return text
  throw new CliError(EXIT.failure, `${url}: ${reasonOf(response.status, text)}: name the base URL of a mirror`)
}

function originIn(note: string): string | null {
  try {
    return parseCheckpoint(parseNote(note).text).origin
  } catch {
    return null
  }
}
