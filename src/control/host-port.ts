/** host:port as it stands in a URL. */
export function hostPort(address: { readonly host: string; readonly port: number }): string {
  const { host, port } = address
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
