import { BlockList, isIP, isIPv6 } from 'node:net'

/** Whether an address is in one of the networks (CIDR blocks, or addresses); none means any. */
export function isWithinNetworks(networks: readonly string[], address: string): boolean {
  const list = blockListOf(networks)
  return list === null || contains(list, address)
}

function blockListOf(networks: readonly string[]): BlockList | null {
  if (networks.length === 0) return null
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return list
}

function contains(list: BlockList, address: string): boolean {
  // A dual-stack listener shows IPv4 peers as ::ffff:a.b.c.d.
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '')
  return isIP(plain) !== 0 && list.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4')
}
