// The challenge of VNC authentication: sixteen bytes, enciphered with DES under the password.
import { createCipheriv, timingSafeEqual } from 'node:crypto';

/** Bytes of a challenge and of its answer. */
export const challengeBytes = 16;

/** VNC takes the first eight bytes of the password as the key, each with its bits in reverse order. */
function keyOf(password: string): Buffer {
  const key = Buffer.alloc(8);
  Buffer.from(password, 'latin1').copy(key, 0, 0, 8);
  return Buffer.from(key.map(reversed));
}

function reversed(byte: number): number {
  let turned = 0;
  for (let bit = 0; bit < 8; bit += 1) turned |= ((byte >> bit) & 1) << (7 - bit);
  return turned;
}

/** The right answer to a challenge. Triple DES with three equal keys is plain DES, which OpenSSL no longer offers. */
export function answerChallenge(challenge: Buffer, password: string): Buffer {
  const key = keyOf(password);
  const cipher = createCipheriv('des-ede3-ecb', Buffer.concat([key, key, key]), null).setAutoPadding(false);
  return Buffer.concat([cipher.update(challenge), cipher.final()]);
}

export function isRightAnswer(answer: Buffer, challenge: Buffer, password: string): boolean {
  return timingSafeEqual(answer, answerChallenge(challenge, password));
}
