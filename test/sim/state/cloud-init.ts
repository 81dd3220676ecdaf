// What the cloud-init drive was generated from, and what has changed since.
import type { Options, Vm } from './vm.ts';

const relevant =
  /^(?:ci(?:custom|password|type|user|upgrade)|nameserver|searchdomain|sshkeys|name|ipconfig\d+|net\d+)$/;

/** The options a cloud-init drive is made of. */
function cloudInitInputs(options: Options): Options {
  return Object.fromEntries(Object.entries(options).filter(([key]) => relevant.test(key)));
}

/** Writes the drive anew from the configuration. */
export function regenerateCloudInit(vm: Vm): void {
  vm.cloudInit = cloudInitInputs(vm.options);
}
