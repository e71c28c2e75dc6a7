// A certificate for one host name, signed by its own key: whoever is to believe it is given the certificate itself.
// Written out in DER (RFC 5280), for Node makes keys and no certificates, and a fresh clone has no packages.
import { generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto'

const YEARS = 10
const TAG = {
  boolean: 1,
  integer: 2,
  bits: 3,
  bytes: 4,
  oid: 6,
  text: 12,
  sequence: 0x30,
  set: 0x31,
  utcTime: 0x17,
  time: 0x18,
}
const OID = {
  commonName: [0x55, 4, 3],
  subjectAltName: [0x55, 0x1d, 17],
  basicConstraints: [0x55, 0x1d, 19],
  ecdsaWithSha256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2],
}
const VERSION_3 = 2
const DNS_NAME = 0x82

/** `{ key, certificate }` in PEM, good for ten years. */
export function selfSigned(host) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const body = unsigned(host, publicKey.export({ format: 'der', type: 'spki' }))
  const signature = sign('sha256', body, privateKey)
  const certificate = sequence(body, algorithm(), der(TAG.bits, Buffer.concat([Buffer.from([0]), signature])))
  return {
    key: privateKey.export({ format: 'pem', type: 'pkcs8' }),
    certificate: new X509Certificate(certificate).toString(),
  }
}

function unsigned(host, publicKey) {
  const serial = Buffer.concat([Buffer.from([1]), randomBytes(15)])
  const name = sequence(der(TAG.set, sequence(oid(OID.commonName), der(TAG.text, Buffer.from(host)))))
  // A clock that is a little behind would refuse a certificate of this very moment.
  const from = new Date(Date.now() - 3_600_000)
  const until = new Date(from)
  until.setUTCFullYear(from.getUTCFullYear() + YEARS)
  return sequence(
    der(0xa0, der(TAG.integer, Buffer.from([VERSION_3]))),
    der(TAG.integer, serial),
    algorithm(),
    name,
    sequence(time(from), time(until)),
    name,
    publicKey,
    der(0xa3, sequence(...extensions(host))),
  )
}

// It is its own authority, so it says that it is one.
function extensions(host) {
  const isAuthority = sequence(der(TAG.boolean, Buffer.from([0xff])))
  const names = sequence(der(DNS_NAME, Buffer.from(host)))
  return [
    sequence(oid(OID.basicConstraints), der(TAG.boolean, Buffer.from([0xff])), der(TAG.bytes, isAuthority)),
    sequence(oid(OID.subjectAltName), der(TAG.bytes, names)),
  ]
}

function der(tag, content) {
  const { length } = content
  const long = length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...(length < 128 ? [length] : long)]), content])
}

const sequence = (...parts) => der(TAG.sequence, Buffer.concat(parts))
const oid = (bytes) => der(TAG.oid, Buffer.from(bytes))
const algorithm = () => sequence(oid(OID.ecdsaWithSha256))

// Section 4.1.2.5: with two digits of the year until 2049, with four from then on.
function time(date) {
  const text = `${date.toISOString().replaceAll(/[-:T]|\..*/g, '')}Z`
  return date.getUTCFullYear() < 2050 ? der(TAG.utcTime, Buffer.from(text.slice(2))) : der(TAG.time, Buffer.from(text))
}
