// Puts a bug into built code, or says why it cannot: a patch that changes nothing would prove nothing.
import type { Edit, SeededBug } from './seeded-bug.js'

/** The built code has changed under a patch. */
export class PatchDoesNotFit extends Error {
  override readonly name = 'PatchDoesNotFit'
}

/** The files of a bug with the bug in them, by path. Throws PatchDoesNotFit. */
export function patchedFiles(bug: SeededBug, read: (file: string) => string): Map<string, string> {
  const patched = new Map<string, string>()
  for (const edit of bug.edits) {
    const before = patched.get(edit.file) ?? readBuilt(bug, edit.file, read)
    patched.set(edit.file, applyEdit(bug, edit, before))
  }
  return patched
}

function readBuilt(bug: SeededBug, file: string, read: (file: string) => string): string {
  try {
    return read(file)
  } catch {
    throw new PatchDoesNotFit(`${bug.name}: there is no ${file}: run npm run build; if it was renamed, mend the patch`)
  }
}

function applyEdit(bug: SeededBug, { file, find, replace }: Edit, before: string): string {
  const parts = before.split(find)
  if (parts.length === 2) return parts.join(replace)
  const found = parts.length === 1 ? 'is no longer there' : `stands there ${parts.length - 1} times`
  throw new PatchDoesNotFit(
    [
      `${bug.name}: the patch no longer fits ${file}.`,
      `  This text ${found}, and must stand there exactly once:`,
      ...find.split('\n').map((line) => `    ${line}`),
      `  Mend the edit of ${bug.name} in test/fault/seeded-bugs/bugs so that the code again ${bug.what}.`,
    ].join('\n'),
  )
}
