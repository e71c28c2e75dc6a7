// Puts the services of this clone, each in a few files, into the folder that is packed with the package.
// Usage: node dist/pack-services.js FOLDER
import { cpSync, rmSync } from 'node:fs'
import { resolve } from 'node:path'
import { findPrograms } from './programs.js'

const target = resolve(process.argv[2] ?? 'services')
const { dir } = await findPrograms((line) => void process.stderr.write(`${line}\n`))
rmSync(target, { recursive: true, force: true })
cpSync(dir, target, { recursive: true })
rmSync(resolve(target, '.whole'), { force: true })
