/** SMART App Launch 2.2, section "Conformance": where tokens come from. URLs are absolute. */
export function smartConfiguration(origin: string): object {
  const auth = `${origin}/auth`
  return {
    issuer: auth,
    jwks_uri: `${auth}/jwks`,
    token_endpoint: `${auth}/token`,
    grant_types_supported: ['client_credentials'],
    token_endpoint_auth_methods_supported: ['private_key_jwt'],
    token_endpoint_auth_signing_alg_values_supported: ['ES384', 'RS384'],
    scopes_supported: ['system/*.cruds', 'user/*.cruds', 'patient/*.cruds'],
    code_challenge_methods_supported: ['S256'],
    capabilities: ['client-confidential-asymmetric', 'permission-v1', 'permission-v2'],
  }
}
