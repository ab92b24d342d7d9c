import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { getBytes, hexlify, toUtf8Bytes } from "ethers";
import { codeOf } from "../../../test/utils/codeOf.ts";
import {
  AEAD_AES_128_GCM,
  AEAD_AES_256_GCM,
  AEAD_ChaCha20Poly1305,
  CipherSuite,
  KDF_HKDF_SHA256,
  KEM_DHKEM_X25519_HKDF_SHA256,
} from "hpke";
import { generateReaderKeys, HPKE_OVERHEAD, openSealed, readerKeysOf, sealTo } from "./hpke.ts";

interface Vector {
  mode: number;
  aead: 1 | 2 | 3;
  info: string;
  ikmE: string;
  ikmR: string;
  skRm: string;
  pkRm: string;
  enc: string;
  psk?: string;
  psk_id?: string;
  encryptions: { seq: number; aad: string; plaintext: string; ciphertext: string }[];
  exports: { context: string; length: number; value: string }[];
}

const { vectors } = JSON.parse(readFileSync(join(import.meta.dirname, "vectors", "rfc9180.json"), "utf8")) as {
  vectors: Vector[];
};
const bytes = (hex: string): Uint8Array => getBytes(`0x${hex}`);
const hex = (data: Uint8Array): string => hexlify(data).slice(2);
const aeads = { 1: AEAD_AES_128_GCM, 2: AEAD_AES_256_GCM, 3: AEAD_ChaCha20Poly1305 };
const label = toUtf8Bytes("a use");

describe("HPKE", () => {
  it("[must show 4] passes RFC 9180's vectors, as sender and as reader", async () => {
    expect(vectors.length).to.equal(6);
    for (const vector of vectors) {
      // The sender's ephemeral key is the vector's instead of a random one; the rest is the library as used.
      const fixed = () => {
        const kem = KEM_DHKEM_X25519_HKDF_SHA256();
        return { ...kem, GenerateKeyPair: () => kem.DeriveKeyPair(bytes(vector.ikmE), true) };
      };
      const suite = new CipherSuite(fixed, KDF_HKDF_SHA256, aeads[vector.aead]);
      const pair = await suite.DeriveKeyPair(bytes(vector.ikmR), true);
      expect(hex(await suite.SerializePrivateKey(pair.privateKey))).to.equal(vector.skRm);
      expect(hex(await suite.SerializePublicKey(pair.publicKey))).to.equal(vector.pkRm);
      const options = {
        info: bytes(vector.info),
        ...(vector.psk === undefined ? {} : { psk: bytes(vector.psk), pskId: bytes(vector.psk_id!) }),
      };
      const { encapsulatedSecret, ctx: sender } = await suite.SetupSender(pair.publicKey, options);
      const reader = await suite.SetupRecipient(pair, bytes(vector.enc), options);
      expect(hex(encapsulatedSecret)).to.equal(vector.enc);
      const wanted = new Map(vector.encryptions.map((encryption) => [encryption.seq, encryption]));
      for (let seq = 0; seq <= 256; seq++) {
        const { aad, plaintext, ciphertext } = wanted.get(seq) ?? { ...vector.encryptions[0]!, ciphertext: undefined };
        const sealed = await sender.Seal(bytes(plaintext), bytes(aad));
        if (ciphertext !== undefined) expect(hex(sealed), `sequence number ${seq}`).to.equal(ciphertext);
        expect(hex(await reader.Open(sealed, bytes(aad)))).to.equal(plaintext);
      }
      for (const { context, length, value } of vector.exports) {
        expect(hex(await sender.Export(bytes(context), length))).to.equal(value);
        expect(hex(await reader.Export(bytes(context), length))).to.equal(value);
      }
    }
  });

  it("is that suite: the RFC's AES-256-GCM message opens here", async () => {
    const vector = vectors.find(({ mode, aead }) => mode === 0 && aead === 2)!;
    const { aad, plaintext, ciphertext } = vector.encryptions[0]!;
    const opened = await openSealed(
      readerKeysOf(bytes(vector.skRm)),
      bytes(vector.info),
      bytes(vector.enc + ciphertext),
      bytes(aad),
    );
    expect(hex(opened)).to.equal(plaintext);
  });

  it("opens for its reader, its use and its associated data only; every changed bit is refused", async () => {
    const [reader, other] = [generateReaderKeys(), generateReaderKeys()];
    const aad = toUtf8Bytes("data");
    const sealed = await sealTo(reader.publicKey, label, toUtf8Bytes("hello"), aad);
    expect(sealed.length).to.equal(5 + HPKE_OVERHEAD);
    expect(await openSealed(reader, label, sealed, aad)).to.deep.equal(toUtf8Bytes("hello"));
    const refusals = [
      openSealed(other, label, sealed, aad),
      openSealed({ ...reader, publicKey: other.publicKey }, label, sealed, aad),
      openSealed(reader, toUtf8Bytes("another use"), sealed, aad),
      openSealed(reader, label, sealed, toUtf8Bytes("date")),
      openSealed(reader, label, sealed),
      openSealed(reader, label, sealed.slice(0, -1), aad),
      openSealed(reader, label, new Uint8Array(0), aad),
    ];
    for (let bit = 0; bit < 8 * sealed.length; bit++) {
      const flipped = sealed.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      refusals.push(openSealed(reader, label, flipped, aad));
    }
    const codes = await Promise.all(refusals.map(codeOf));
    expect(codes.length).to.equal(7 + 8 * sealed.length);
    expect(new Set(codes)).to.deep.equal(new Set(["CANNOT_OPEN"]));
  });

  it("never seals twice alike, nor to a key of small order or a malformed one", async () => {
    const { publicKey } = generateReaderKeys();
    expect(await sealTo(publicKey, label, label)).to.not.deep.equal(await sealTo(publicKey, label, label));
    for (const bad of [
      `0x${"00".repeat(32)}`,
      `0x01${"00".repeat(31)}`,
      publicKey.slice(2),
      publicKey.slice(0, -2),
      "",
    ])
      expect(await codeOf(sealTo(bad, label, label)), bad).to.equal("BAD_READER_KEY");
  });
});
