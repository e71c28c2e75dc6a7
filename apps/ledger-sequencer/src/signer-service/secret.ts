// The secret that sequencers and signer share: from a file, long enough, compared in constant time.
import { createHash, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'

const CHARACTERS_MIN = 32

/** Throws an error with the mend for a file that holds less than 32 characters. */
export function readSecret(file: string): string {
  const secret = readFileSync(file, 'utf8').trim()
  if (secret.length >= CHARACTERS_MIN) return secret
  throw new Error(`${file} holds no secret of at least ${CHARACTERS_MIN} characters: openssl rand -hex 32 > ${file}`)
}

/** Whether an Authorization header bears the secret; takes as long for a wrong one. */
export function bears(header: string | undefined, secret: string): boolean {
  return timingSafeEqual(digest(header ?? ''), digest(`Bearer ${secret}`))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
