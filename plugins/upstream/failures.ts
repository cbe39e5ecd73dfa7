import type { FailureReason, UpstreamFailure } from '../../providers/provider.ts';
import type { SocketError } from './pools.ts';

/** A transport failure. `stale`: a kept-alive socket closed under the request before any answer; a fresh one may do. */
export interface TransportFailure extends UpstreamFailure {
  readonly stale: boolean;
}

/** Transport error code -> what is told about it. Only the class of the cause: certificates and addresses stay here. */
const sayings: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the provider refused the connection',
  ENOTFOUND: 'the provider host name does not resolve',
  EAI_AGAIN: 'the name service did not answer',
  EHOSTUNREACH: 'the provider host is unreachable',
  ENETUNREACH: 'the network is unreachable',
  UND_ERR_CONNECT_TIMEOUT: 'the connection to the provider timed out',
  POSTERN_EGRESS: 'the provider host resolves to an address this gateway never connects to',
  CERT_HAS_EXPIRED: 'the certificate of the provider has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate of the provider is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'the certificate of the provider is self-signed',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the certificate of the provider cannot be verified',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'the certificate of the provider cannot be verified',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate of the provider is for another host',
  ECONNRESET: 'the provider reset the connection',
  EPIPE: 'the provider closed the connection',
  UND_ERR_SOCKET: 'the provider closed the connection',
  UND_ERR_HEADERS_OVERFLOW: 'the response headers of the provider are too large',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the provider sent a body of another length than announced',
};

/** Where the code says nothing. */
const otherwise: Partial<Readonly<Record<FailureReason, string>>> = {
  connect: 'the provider could not be reached',
  protocol: 'the provider sent an answer that is not HTTP',
};

const malformed = /^(HPE_|UND_ERR_HEADERS_OVERFLOW|UND_ERR_INVALID|UND_ERR_NOT_SUPPORTED|UND_ERR_BAD)/;

/** undici 8 leaves most of its parser errors without a code (measured); an end in mid-message is one of them, and is no nonsense. */
function isMalformed(error: Error, code: string): boolean {
  if (error.name === 'HTTPParserError') return !error.message.includes('EOF');
  return malformed.test(code);
}

export function transportFailure(error: SocketError, sent: boolean, headed: boolean): TransportFailure {
  const code = error.code ?? '';
  const reason: FailureReason = !sent ? 'connect' : isMalformed(error, code) ? 'protocol' : 'network';
  const socketRead = error.socketBytesRead ?? (error as { socket?: { bytesRead?: number } }).socket?.bytesRead ?? 0;
  return {
    reason,
    status: 0,
    message: sayings[code] ?? otherwise[reason] ?? 'the connection to the provider failed',
    code: code === '' ? null : code,
    param: null,
    retryAfterMs: null,
    unsent: !sent,
    // Measured: undici also fails a request that waits for an idle socket when that socket is reset. A connection that was
    // never made has read nothing.
    stale: !headed && reason !== 'protocol' && socketRead > 0,
  };
}

export function failed(reason: FailureReason, message: string, unsent = false): TransportFailure {
  return { reason, status: 0, message, code: null, param: null, retryAfterMs: null, unsent, stale: false };
}
