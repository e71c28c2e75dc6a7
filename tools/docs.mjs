// Makes docs/generated from the code. A test fails when what lies there is not what this makes.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { asyncApi } from '@careseal/contracts'

const target = join(import.meta.dirname, '..', 'docs', 'generated')
mkdirSync(target, { recursive: true })
writeFileSync(join(target, 'asyncapi.json'), JSON.stringify(asyncApi('1.0.0'), null, 2) + '\n')
