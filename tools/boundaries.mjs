// Holds every project of the Nx graph against the dependency rule. Exit 1 names each violation.
import { createProjectGraphAsync } from 'nx/src/project-graph/project-graph.js'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { violations } from './boundary-rules.mjs'

const ROOT = join(import.meta.dirname, '..')

/** All projects of the graph that have code, with their files. */
export async function loadProjects() {
  const graph = await createProjectGraphAsync({ exitOnError: true })
  const nodes = Object.values(graph.nodes).filter(({ data }) => data.root !== '.' && data.root !== '')
  return nodes.map(({ data }) => ({
    name: data.root,
    tags: data.tags ?? [],
    manifest: JSON.parse(readFileSync(join(ROOT, data.root, 'package.json'), 'utf8')),
    files: ['src', 'test', 'bench'].flatMap((folder) => filesOf(join(ROOT, data.root), folder)),
  }))
}

function filesOf(project, folder) {
  const dir = join(project, folder)
  if (!existsSync(dir)) return []
  const entries = readdirSync(dir, { withFileTypes: true, recursive: true })
  const files = entries.filter((entry) => entry.isFile() && /\.[cm]?tsx?$/.test(entry.name))
  return files.map((entry) => {
    const path = join(entry.parentPath, entry.name)
    return { path: relative(project, path).split(sep).join('/'), text: readFileSync(path, 'utf8') }
  })
}

if (process.argv[1] === import.meta.filename) {
  const projects = await loadProjects()
  const found = violations(projects)
  for (const line of found) process.stderr.write(`${line}\n`)
  process.stdout.write(`${projects.length} projects checked, ${found.length} violations\n`)
  process.exit(found.length > 0 ? 1 : 0)
}
