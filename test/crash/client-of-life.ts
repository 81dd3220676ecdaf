// The API server as one process sees it: its writes are counted and can be disturbed, and the dead are not answered.
import type { KubeClient, WriteOptions } from '../../src/kube/client.ts';
import { networkError } from '../../src/kube/errors.ts';
import type { KubeObject, ResourceType } from '../../src/kube/types.ts';
import type { Interruption, Life } from './interruption.ts';

interface Write<T> {
  verb: string;
  type: ResourceType<KubeObject>;
  name: string;
  options?: WriteOptions;
  send(): Promise<T>;
}

/** The client of one life over the one of the world. */
export function clientOfLife(client: KubeClient, interruption: Interruption, life: Life): KubeClient {
  function counted<T>({ verb, type, name, options, send }: Write<T>): Promise<T> {
    // Old records are removed best effort; everything that decides is counted.
    if (verb === 'delete' && type.plural === 'virtualmachineruns') return interruption.read(life, send);
    const resource = options?.subresource === undefined ? type.plural : `${type.plural}/${options.subresource}`;
    const text = `${verb} ${resource} ${name}`;
    return interruption.effect(life, { text, send, lost: () => networkError(text, new Error('connection reset')) });
  }

  return {
    get: (type, ...rest) => interruption.read(life, () => client.get(type, ...rest)),
    list: (type, ...rest) => interruption.read(life, () => client.list(type, ...rest)),
    create: (type, object, options) => {
      const send = () => client.create(type, object, withoutSignal(options));
      return counted({ verb: 'create', type, name: object.metadata.name, send });
    },
    patch: (type, target, body, options) => {
      const send = () => client.patch(type, target, body, { ...options, signal: undefined });
      return counted({ verb: 'patch', type, name: target.name, options, send });
    },
    replace: (type, object, options) => {
      const send = () => client.replace(type, object, withoutSignal(options));
      return counted({ verb: 'replace', type, name: object.metadata.name, options, send });
    },
    delete: (type, name, namespace, options) => {
      const send = () => client.delete(type, name, namespace, withoutSignal(options));
      return counted({ verb: 'delete', type, name, send });
    },
    watch: (...call) => client.watch(...call),
    requestCounts: () => client.requestCounts(),
    close: () => client.close(),
  };
}

// A call that has left the process is carried out whatever becomes of the process.
function withoutSignal<O extends { signal?: AbortSignal }>(options: O | undefined): O | undefined {
  return options === undefined ? undefined : { ...options, signal: undefined };
}
