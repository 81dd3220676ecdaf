// The table of all rules of admission, in the order of docs/admission.md.
import type { Rule } from './rule.ts';
import { operationPermitted, powerPermitted } from './rules/client-permissions.ts';
import { clusterEndpointFree, clusterEndpoints, clusterSurprises, zoneUrl } from './rules/clusters.ts';
import { finalizerKept, guardedFields } from './rules/guarded-fields.ts';
import {
  addressHeld,
  clusterInUse,
  planInUse,
  poolInUse,
  protectedVm,
  revisionInUse,
  vmidHeld,
  zoneInUse,
} from './rules/in-use.ts';
import {
  machineUnprotected,
  operationPossible,
  operationRights,
  reinstallTemplate,
  reinstallWarning,
} from './rules/operations.ts';
import { operatorOwned } from './rules/operator-owned.ts';
import { planOptionsStay, planShrinksNothing } from './rules/plan-roll-out.ts';
import { planNameRule, planPlaces, planSurprises } from './rules/plans.ts';
import { poolAlone, poolKeepsAllocated, poolServersFree, poolValid } from './rules/pools.ts';
import { hostnameFree, hostnameInDomain, hostnameInOwnZone, nameValid } from './rules/vm-names.ts';
import { additionalDiskConsent, disksGrow, familyKept, optionsValid } from './rules/vm-options.ts';
import { planOfSameCluster, planUsable } from './rules/vm-plan.ts';
import { quotaLeft, quotaLowered } from './rules/vm-quota.ts';
import { restartNeeded, snapshotsGo, systemStays } from './rules/vm-warnings.ts';

export const RULES: readonly Rule[] = [
  // what a VM is made of
  planUsable,
  planOfSameCluster,
  quotaLeft,
  optionsValid,
  familyKept,
  disksGrow,
  additionalDiskConsent,
  nameValid,
  hostnameInDomain,
  hostnameInOwnZone,
  hostnameFree,
  // who may say so
  guardedFields,
  finalizerKept,
  powerPermitted,
  protectedVm,
  restartNeeded,
  snapshotsGo,
  systemStays,
  // what is asked of a VM
  operationPossible,
  machineUnprotected,
  reinstallTemplate,
  operationRights,
  operationPermitted,
  reinstallWarning,
  // what the platform team writes
  planNameRule,
  planPlaces,
  planShrinksNothing,
  planOptionsStay,
  quotaLowered,
  planSurprises,
  planInUse,
  clusterEndpoints,
  clusterEndpointFree,
  clusterSurprises,
  clusterInUse,
  poolValid,
  poolAlone,
  poolKeepsAllocated,
  poolServersFree,
  poolInUse,
  zoneUrl,
  zoneInUse,
  // what the operator keeps for itself
  ...operatorOwned,
  revisionInUse,
  addressHeld,
  vmidHeld,
];
