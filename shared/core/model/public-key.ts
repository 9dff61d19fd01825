/** Type and key, as ssh prints them. A tag value has room for an Ed25519 or ECDSA key, not for an RSA key. */
const publicKeyForm = /^(?:ssh-ed25519|ecdsa-sha2-nistp(?:256|384|521)) [A-Za-z0-9+/]+={0,2}$/u;

/** Is this one line of type and key, and nothing else? */
export function isPublicKey(text: string): boolean {
  return publicKeyForm.test(text);
}
