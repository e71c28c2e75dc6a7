// The files of deploy/ that are made from the code, as path → text. They hold no secret: what differs from one
// deployment to the next is a variable that nats-server and psql take from their environment.
import { natsPermissions, renderNatsConfig } from '@careseal/messaging'
import { loginRoles, provisionSql } from '@careseal/stack'

const MADE = 'Made from the code by tools/docs.mjs; a test fails when it is stale.'

/** The variable that holds the public nkey of a NATS user. */
export function nkeyVariable(user) {
  return `NKEY_${upper(user)}`
}

/** The variable that holds the password of a login role. */
export function passwordVariable(role) {
  return `PASSWORD_${upper(role)}`
}

/** The NATS users, the deployer among them. */
export function natsUsers() {
  return Object.keys(natsPermissions())
}

export function deployFiles() {
  return { 'deploy/nats/nats.conf': natsConf(), 'deploy/postgres/provision.sql': provisioning() }
}

function natsConf() {
  const users = natsUsers().map((name) => ({ name, publicNkey: standIn(name) }))
  // Services may make the streams that are missing; nothing in their lists lets them change or remove one.
  const text = renderNatsConfig({ users, host: '0.0.0.0', monitorPort: 8222, storeDir: '/data', manageStreams: true })
  const config = users.reduce((conf, { name, publicNkey }) => conf.replace(publicNkey, `$${nkeyVariable(name)}`), text)
  return `# ${MADE}\n# Public nkeys come from the environment, each user's from NKEY_<USER>.\n${config}`
}

// Well formed, so that the renderer takes it, and nobody's: the checksum is wrong.
function standIn(user) {
  return `U${upper(user).replaceAll('_', '')}`.padEnd(56, 'A')
}

const mark = (role) => `{{${role}}}`

function provisioning() {
  const roles = loginRoles()
  const sql = provisionSql({ passwords: Object.fromEntries(roles.map((role) => [role, mark(role)])) })
  const quoted = roles.reduce((text, role) => text.replace(`'${mark(role)}'`, `:'${role}_password'`), sql)
  const imports = roles.map((role) => `\\getenv ${role}_password ${passwordVariable(role)}`)
  const head = [
    `-- ${MADE}`,
    '-- For psql 15 or newer as superuser, in the database careseal. Passwords come from the environment.',
  ]
  return [...head, '\\set ON_ERROR_STOP on', ...imports, '', quoted].join('\n')
}

function upper(name) {
  return name.toUpperCase().replaceAll('-', '_')
}
