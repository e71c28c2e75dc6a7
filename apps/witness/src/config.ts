// The one file that a witness is configured with: JSON, read strictly, and all its faults told at once.
import { sha256 } from '@careseal/crypto'
import { ED25519, isKeyName, parseVkey } from '@careseal/ledger-core'
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { z } from 'zod'

const port = z.int().min(0).max(65_535)
const url = z.url({ protocol: /^https?$/ }).transform((text) => text.replace(/\/$/, ''))

const tls = z.strictObject({
  keyFile: z.string().min(1).describe('PEM of the private key; whoever reads it can answer in this name'),
  certFile: z.string().min(1).describe('PEM of the certificate and its chain'),
})

const log = z.strictObject({
  origin: z.string().regex(/^\S+$/, 'an origin is one word').describe('first line of its checkpoints'),
  vkeys: z
    .array(z.string().refine(isLogKey, 'is no vkey of an Ed25519 key'))
    .min(1)
    .describe('keys that sign for it; whoever adds one here lets its holder speak for the log'),
  mirror: z
    .strictObject({
      url: url.describe('below which the log serves `checkpoint` and `tile/…`'),
      intervalSeconds: z.number().min(0.1).max(3600).default(10),
    })
    .optional()
    .describe('pulls and serves the whole log'),
})

const schema = z.strictObject({
  name: z.string().refine(isKeyName, 'is no name of a key: no white space and no plus').describe('name of its keys'),
  keyFiles: z
    .array(z.string().min(1))
    .min(1)
    .describe('its keys, each of which co-signs; the first is made by init. Whoever reads them is this witness'),
  stateDir: z.string().min(1).describe('what it remembers; whoever can change it can make it sign a fork'),
  listen: z
    .strictObject({ host: z.string().min(1).default('127.0.0.1'), port, tls: tls.optional() })
    .describe('without tls only behind a proxy that has it'),
  logs: z.array(log).min(1).refine(areDistinct, 'names an origin twice'),
  requestsPerMinute: z.int().min(1).default(6000).describe('of one client address; 429 beyond it'),
  bodyBytesMax: z.int().min(1024).max(1_048_576).default(131_072),
  cors: z.array(z.string()).default(['*']).describe('origins of pages that may ask it'),
})

export type WitnessConfig = z.infer<typeof schema>
export type LogConfig = WitnessConfig['logs'][number]

/** A file that is no configuration. `faults` are lines, each naming its member. */
export class ConfigWrong extends Error {
  override readonly name = 'ConfigWrong'
  constructor(
    readonly file: string,
    readonly faults: readonly string[],
  ) {
    super(`${file}: ${faults.join('; ')}`)
  }
}

/** Paths in the file count from the file's folder. Throws ConfigWrong. */
export function loadConfig(file: string): WitnessConfig {
  const parsed = schema.safeParse(contentOf(file))
  if (!parsed.success) {
    throw new ConfigWrong(
      file,
      parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the file'}: ${message}`),
    )
  }
  const { data } = parsed
  const at = (path: string) => resolve(dirname(file), path)
  const { tls } = data.listen
  return {
    ...data,
    keyFiles: data.keyFiles.map(at),
    stateDir: at(data.stateDir),
    listen: { ...data.listen, ...(tls ? { tls: { keyFile: at(tls.keyFile), certFile: at(tls.certFile) } } : {}) },
  }
}

function contentOf(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new ConfigWrong(file, [code === undefined ? 'is not JSON' : `cannot be read: ${code}`])
  }
}

function isLogKey(text: string): boolean {
  try {
    return parseVkey(sha256, text).type === ED25519
  } catch {
    return false
  }
}

function areDistinct(logs: readonly { origin: string }[]): boolean {
  return new Set(logs.map(({ origin }) => origin)).size === logs.length
}
