/** The keyring of the system: Keychain, Credential Manager, or what answers as Secret Service on the session's D-Bus. */

const SERVICE = 'keptn';

interface Keyring {
  /** Undefined when it is not there, or locked. */
  read(): string | undefined;
  /** False when it cannot be kept. */
  write(token: string): boolean;
}

/** For the token of an endpoint; undefined where the system has none. */
export async function keyringOf(endpoint: string): Promise<Keyring | undefined> {
  // Without a desktop session only the kernel's is left, which forgets.
  if (process.platform === 'linux' && !process.env['DBUS_SESSION_BUS_ADDRESS']) return undefined;
  // An optional dependency: there is none for every system.
  const library = await import('@napi-rs/keyring').catch(() => undefined);
  if (!library) return undefined;
  return {
    read() {
      try {
        return new library.Entry(SERVICE, endpoint).getPassword() ?? undefined;
      } catch {
        return undefined;
      }
    },
    write(token) {
      try {
        const entry = new library.Entry(SERVICE, endpoint);
        entry.setPassword(token);
        return entry.getPassword() === token;
      } catch {
        return false;
      }
    },
  };
}
