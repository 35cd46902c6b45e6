//! Which policies can bear on a request? An index by action, principal scope and resource scope, so that Cedar sees only those few.
//!
//! Leaving the others out changes nothing. Cedar evaluates a policy as `principal scope && action scope && resource scope && conditions`
//! from the left. A scope is one of `true`, `is T`, `== e`, `in e` and their conjunction, and none of them can fail: `is` and `==`
//! compare, and `in` treats an entity it does not know as one without ancestors. So where a scope does not hold, the whole is `false`
//! before a condition is looked at: the policy neither matches nor errs. The index evaluates scopes exactly, so the policies it finds are
//! handed to Cedar without their scopes, which hold already, and links of templates as plain policies. Of these, [`crate::guard`] leaves
//! out those whose conditions are certainly false. The differential tests in `tests/decision/differential.rs` and `narrowing.rs` hold
//! all this to the full set on decision, reasons and errors.

use crate::clockwork::Uses;
use crate::guard::Guards;
use crate::truths::Truths;
use cedar_policy::{
    ActionConstraint, Effect, EntityTypeName, EntityUid, Policy, PolicyId, PolicySet, PolicySetError,
    PrincipalConstraint, ResourceConstraint,
};
use events::UnitId;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// The most that is kept in ready sets, in policies over all of them. When it is reached, sets are dropped and built again as needed.
pub const KEPT_MAX: usize = 200_000;
/// The most candidate sets kept ready.
pub const CACHED_SETS_MAX: usize = 4_096;

/// An entity of a request as scopes see it: itself and everything it is in.
#[derive(Clone, Copy, Debug)]
pub struct Placed<'a> {
    /// The entity.
    pub uid: &'a EntityUid,
    /// Everything it is in, directly or not, in any order.
    pub ancestors: &'a [EntityUid],
}

/// The policies of a charter, found by what they can apply to.
#[derive(Debug)]
pub struct PolicyIndex {
    all: PolicySet,
    /// In the order of their ids.
    policies: Vec<Policy>,
    /// Each as a candidate, made when first needed.
    bare: Vec<Arc<OnceLock<Option<Bare>>>>,
    names: Names,
    principals: HashSet<ScopeKey, KeyHash>,
    resources: HashSet<ScopeKey, KeyHash>,
    by_action: KeyMap<KeyMap<KeyMap<Vec<u32>>>>,
    /// Policies that hold only in these units.
    only_in: Arc<HashMap<PolicyId, BTreeSet<UnitId>>>,
    /// The same by place.
    local: HashMap<u32, BTreeSet<UnitId>>,
    ready: RwLock<Ready>,
}

/// A policy whose scope is known to hold.
#[derive(Debug)]
struct Bare {
    policy: Policy,
    uses: Uses,
    guards: Guards,
    literals: Vec<EntityUid>,
}

impl Bare {
    /// The policy with its conditions only, and what they look at.
    fn new(policy: &Policy) -> Option<Self> {
        let mut json = policy.to_json().ok()?;
        let (uses, guards) = (Uses::of_json(&json), Guards::of_json(&json));
        let parts = json.as_object_mut()?;
        parts.remove("annotations");
        for scope in ["principal", "action", "resource"] {
            *parts.get_mut(scope)? = serde_json::json!({ "op": "All" });
        }
        let policy = Policy::from_json(Some(policy.id().clone()), json).ok()?;
        Some(Self { uses, guards, literals: policy.entity_literals(), policy })
    }
}

/// Why candidates could not be put together; a defect of this crate or of Cedar.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// A policy could not be taken out of its scope.
    #[error("policy `{0}` could not be made a candidate")]
    Policy(PolicyId),
    /// Cedar refuses a set made of policies it knows.
    #[error("the candidates are no set of policies")]
    Set(#[from] Box<PolicySetError>),
}

/// The policies whose whole scope holds for a request.
#[derive(Debug)]
pub struct Candidates {
    bare: Vec<Arc<OnceLock<Option<Bare>>>>,
    /// What their conditions look at.
    pub uses: Uses,
    /// The entities they name literally.
    pub literals: Vec<EntityUid>,
    /// What their guards look at.
    guarded: Truths,
    narrowed: RwLock<Kept>,
    /// What is kept in ready sets, this one's and others', as [`weight`] counts it.
    kept: Arc<AtomicUsize>,
}

/// What was made of one candidate set, and how much of [`KEPT_MAX`] that is.
#[derive(Debug, Default)]
struct Kept {
    sets: HashMap<Truths, Arc<Narrowed>>,
    weight: usize,
}

/// How much a ready set of so many policies counts for: an empty one takes room too.
const fn weight(policies: usize) -> usize {
    policies + 8
}

/// Of the candidates those that circumstances do not exclude, ready for Cedar.
#[derive(Debug)]
pub struct Narrowed {
    /// As Cedar wants them.
    pub set: PolicySet,
    /// What their conditions look at.
    pub uses: Uses,
    /// Whether they certainly do not permit: there is no permit among them, or a `forbid` that certainly applies.
    pub denies: bool,
}

impl Candidates {
    /// All of them.
    ///
    /// # Errors
    /// Only for a defect of this crate or of Cedar.
    pub fn all(&self) -> Result<Arc<Narrowed>, IndexError> {
        self.narrowed(Truths::default())
    }

    /// Those that can apply where this is true: the others are certainly false and do not err, so Cedar would pass over them.
    ///
    /// # Errors
    /// As [`Self::all`].
    pub fn narrowed(&self, truths: Truths) -> Result<Arc<Narrowed>, IndexError> {
        let truths = truths.seen_by(self.guarded);
        if let Some(narrowed) = self.narrowed.read().unwrap_or_else(PoisonError::into_inner).sets.get(&truths) {
            return Ok(Arc::clone(narrowed));
        }
        let (mut set, mut uses) = (PolicySet::new(), Uses::default());
        let (mut permits, mut forbidden, mut count) = (false, false, 0);
        let bare = self.bare.iter().filter_map(|bare| bare.get()?.as_ref());
        for bare in bare.filter(|bare| !bare.guards.exclude(truths)) {
            match bare.policy.effect() {
                Effect::Permit => permits = true,
                Effect::Forbid => forbidden |= bare.guards.hold(truths),
            }
            set.add(bare.policy.clone()).map_err(Box::new)?;
            uses.merge(&bare.uses);
            count += 1;
        }
        let narrowed = Arc::new(Narrowed { set, uses, denies: forbidden || !permits });
        let mut ready = self.narrowed.write().unwrap_or_else(PoisonError::into_inner);
        if self.kept.load(Ordering::Relaxed) >= KEPT_MAX {
            self.kept.fetch_sub(ready.weight, Ordering::Relaxed);
            *ready = Kept::default();
        }
        if ready.sets.insert(truths, Arc::clone(&narrowed)).is_none() {
            ready.weight += weight(count);
            self.kept.fetch_add(weight(count), Ordering::Relaxed);
        }
        Ok(narrowed)
    }
}

#[derive(Debug, Default)]
struct Ready {
    sets: HashMap<Box<[u32]>, Arc<Candidates>>,
    kept: Arc<AtomicUsize>,
}

impl Ready {
    fn is_full(&self) -> bool {
        self.sets.len() >= CACHED_SETS_MAX || self.kept.load(Ordering::Relaxed) >= KEPT_MAX
    }
}

/// Entities and types that occur in scopes, as small numbers.
#[derive(Debug, Default)]
struct Names {
    uids: HashMap<EntityUid, u32>,
    types: HashMap<EntityTypeName, u32>,
}

/// What a scope demands of an entity, packed: three bits of sort, the type's number, the entity's number.
type ScopeKey = u64;
type KeyHash = BuildHasherDefault<Mix>;
type KeyMap<V> = HashMap<ScopeKey, V, KeyHash>;

const ANY: ScopeKey = 0;
const fn is(kind: u32) -> ScopeKey {
    1 << 61 | (kind as u64) << 30
}
const fn eq(uid: u32) -> ScopeKey {
    2 << 61 | uid as u64
}
const fn within(uid: u32) -> ScopeKey {
    3 << 61 | uid as u64
}
const fn is_within(kind: u32, uid: u32) -> ScopeKey {
    4 << 61 | (kind as u64) << 30 | uid as u64
}

/// Spreads a packed key; keys come from the charter, so nobody can choose them to collide.
#[derive(Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, key: u64) {
        let mixed = (self.0 ^ key).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

impl Names {
    fn uid(&mut self, uid: &EntityUid) -> u32 {
        number(&mut self.uids, uid)
    }

    fn kind(&mut self, kind: &EntityTypeName) -> u32 {
        number(&mut self.types, kind)
    }

    fn principal_scope(&mut self, policy: &Policy) -> ScopeKey {
        match policy.principal_constraint() {
            PrincipalConstraint::Any => ANY,
            PrincipalConstraint::Is(kind) => is(self.kind(&kind)),
            PrincipalConstraint::Eq(uid) => eq(self.uid(&uid)),
            PrincipalConstraint::In(uid) => within(self.uid(&uid)),
            PrincipalConstraint::IsIn(kind, uid) => is_within(self.kind(&kind), self.uid(&uid)),
        }
    }

    fn resource_scope(&mut self, policy: &Policy) -> ScopeKey {
        match policy.resource_constraint() {
            ResourceConstraint::Any => ANY,
            ResourceConstraint::Is(kind) => is(self.kind(&kind)),
            ResourceConstraint::Eq(uid) => eq(self.uid(&uid)),
            ResourceConstraint::In(uid) => within(self.uid(&uid)),
            ResourceConstraint::IsIn(kind, uid) => is_within(self.kind(&kind), self.uid(&uid)),
        }
    }

    /// A policy is kept under each entity of an `in [...]` list.
    fn action_scopes(&mut self, policy: &Policy) -> Vec<ScopeKey> {
        match policy.action_constraint() {
            ActionConstraint::Any => vec![ANY],
            ActionConstraint::Eq(uid) => vec![eq(self.uid(&uid))],
            ActionConstraint::In(uids) => uids.iter().map(|uid| within(self.uid(uid))).collect(),
        }
    }

    /// Every key an entity satisfies, of those `wanted`.
    fn satisfied(&self, placed: Placed<'_>, wanted: impl Fn(ScopeKey) -> bool) -> Vec<ScopeKey> {
        let mut keys = Vec::with_capacity(8);
        let mut push = |key| {
            if wanted(key) {
                keys.push(key);
            }
        };
        push(ANY);
        let kind = self.types.get(placed.uid.type_name()).copied();
        if let Some(kind) = kind {
            push(is(kind));
        }
        if let Some(uid) = self.uids.get(placed.uid) {
            push(eq(*uid));
        }
        for uid in std::iter::once(placed.uid).chain(placed.ancestors) {
            if let Some(uid) = self.uids.get(uid) {
                push(within(*uid));
                if let Some(kind) = kind {
                    push(is_within(kind, *uid));
                }
            }
        }
        keys
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a charter has far fewer names than 2^30")]
fn number<K: Clone + Eq + std::hash::Hash>(numbers: &mut HashMap<K, u32>, key: &K) -> u32 {
    let next = numbers.len() as u32;
    *numbers.entry(key.clone()).or_insert(next)
}

impl PolicyIndex {
    /// Indexes every policy and every link of a template.
    #[must_use]
    pub fn new(all: PolicySet) -> Self {
        Self::build(all, Arc::default(), |_| Arc::default())
    }

    /// The same, where some policies hold only in some units.
    #[must_use]
    pub fn local(all: PolicySet, only_in: HashMap<PolicyId, BTreeSet<UnitId>>) -> Self {
        Self::build(all, Arc::new(only_in), |_| Arc::default())
    }

    /// The same index with a policy holding everywhere.
    #[must_use]
    pub fn everywhere(&self, id: &PolicyId) -> Self {
        let ready: HashMap<&PolicyId, _> = self.policies.iter().map(Policy::id).zip(&self.bare).collect();
        let only_in = self.only_in.iter().filter(|(local, _)| *local != id);
        let only_in = only_in.map(|(id, units)| (id.clone(), units.clone())).collect();
        Self::build(self.all.clone(), Arc::new(only_in), |policy| {
            ready.get(policy.id()).map_or_else(Arc::default, |bare| Arc::clone(bare))
        })
    }

    /// The same index with one policy taken out, or another in its place. What was made ready of the others is used again.
    ///
    /// # Errors
    /// When there is no such policy, it is a link of a template, or the other one's id is taken.
    pub fn replacing(&self, id: &PolicyId, by: Option<Policy>) -> Result<Self, IndexError> {
        let mut all = self.all.clone();
        all.remove_static(id.clone()).map_err(Box::new)?;
        if let Some(policy) = by {
            all.add(policy).map_err(Box::new)?;
        }
        let ready: HashMap<&PolicyId, _> = self.policies.iter().map(Policy::id).zip(&self.bare).collect();
        Ok(Self::build(all, Arc::clone(&self.only_in), |policy| {
            match ready.get(policy.id()).filter(|_| policy.id() != id) {
                Some(bare) => Arc::clone(bare),
                None => Arc::default(),
            }
        }))
    }

    fn build(
        all: PolicySet,
        only_in: Arc<HashMap<PolicyId, BTreeSet<UnitId>>>,
        bare: impl Fn(&Policy) -> Arc<OnceLock<Option<Bare>>>,
    ) -> Self {
        let mut policies: Vec<Policy> = all.policies().cloned().collect();
        policies.sort_by(|a, b| AsRef::<str>::as_ref(a.id()).cmp(b.id().as_ref()));
        let mut index = Self {
            all,
            policies: Vec::new(),
            bare: Vec::new(),
            names: Names::default(),
            principals: HashSet::default(),
            resources: HashSet::default(),
            by_action: KeyMap::default(),
            local: HashMap::new(),
            only_in,
            ready: RwLock::default(),
        };
        for (place, policy) in (0_u32..).zip(&policies) {
            if let Some(units) = index.only_in.get(policy.id()) {
                index.local.insert(place, units.clone());
            }
            let principal = index.names.principal_scope(policy);
            let resource = index.names.resource_scope(policy);
            index.principals.insert(principal);
            index.resources.insert(resource);
            for action in index.names.action_scopes(policy) {
                let by_principal = index.by_action.entry(action).or_default();
                by_principal.entry(principal).or_default().entry(resource).or_default().push(place);
            }
        }
        index.bare = policies.iter().map(bare).collect();
        index.policies = policies;
        index
    }

    /// How many policies there are, links included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.policies.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.policies.is_empty()
    }

    /// All of them, as Cedar wants them.
    #[must_use]
    pub const fn all(&self) -> &PolicySet {
        &self.all
    }

    /// The places of the policies whose whole scope holds, ascending.
    fn places(&self, principal: Placed<'_>, action: Placed<'_>, resource: Placed<'_>) -> Vec<u32> {
        let actions = self.names.satisfied(action, |key| self.by_action.contains_key(&key));
        let principals = self.names.satisfied(principal, |key| self.principals.contains(&key));
        let resources = self.names.satisfied(resource, |key| self.resources.contains(&key));
        let mut places = Vec::with_capacity(64);
        for by_principal in actions.iter().filter_map(|key| self.by_action.get(key)) {
            for by_resource in principals.iter().filter_map(|key| by_principal.get(key)) {
                for found in resources.iter().filter_map(|key| by_resource.get(key)) {
                    places.extend_from_slice(found);
                }
            }
        }
        places.sort_unstable();
        places.dedup();
        places
    }

    /// Whether some permit for an action covers this principal, whatever it is about and in whatever circumstances.
    #[must_use]
    pub fn has_permit(&self, principal: Placed<'_>, action: Placed<'_>) -> bool {
        self.any(principal, action, |policy| policy.effect() == Effect::Permit)
    }

    /// Whether some policy for an action covers this principal, whatever it is about and in whatever circumstances.
    #[must_use]
    pub fn has_any(&self, principal: Placed<'_>, action: Placed<'_>) -> bool {
        self.any(principal, action, |_| true)
    }

    fn any(&self, principal: Placed<'_>, action: Placed<'_>, wanted: impl Fn(&Policy) -> bool) -> bool {
        let actions = self.names.satisfied(action, |key| self.by_action.contains_key(&key));
        let principals = self.names.satisfied(principal, |key| self.principals.contains(&key));
        let by_principal = actions.iter().filter_map(|key| self.by_action.get(key));
        let mut places = by_principal
            .flat_map(|by_principal| principals.iter().filter_map(|key| by_principal.get(key)))
            .flat_map(|by_resource| by_resource.values().flatten());
        places.any(|place| self.policies.get(*place as usize).is_some_and(&wanted))
    }

    /// The policies that can bear on a request, those of single units left out. The same request finds the same policies, whether or not they were kept ready.
    ///
    /// # Errors
    /// Only for a defect of this crate or of Cedar.
    pub fn candidates(
        &self,
        principal: Placed<'_>,
        action: Placed<'_>,
        resource: Placed<'_>,
    ) -> Result<Arc<Candidates>, IndexError> {
        self.candidates_at(None, principal, action, resource)
    }

    /// The same for a request judged at a unit. Policies that hold only elsewhere are not among them.
    ///
    /// # Errors
    /// As [`Self::candidates`].
    pub fn candidates_at(
        &self,
        at: Option<&UnitId>,
        principal: Placed<'_>,
        action: Placed<'_>,
        resource: Placed<'_>,
    ) -> Result<Arc<Candidates>, IndexError> {
        let mut places = self.places(principal, action, resource);
        if !self.local.is_empty() {
            let holds = |place: &u32| self.local.get(place).is_none_or(|units| at.is_some_and(|at| units.contains(at)));
            places.retain(holds);
        }
        let kept = {
            let ready = self.ready.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(candidates) = ready.sets.get(places.as_slice()) {
                return Ok(Arc::clone(candidates));
            }
            (!ready.is_full()).then(|| Arc::clone(&ready.kept))
        };
        // Put together while others go on being answered.
        let candidates = Arc::new(self.collect(&places, &kept.unwrap_or_else(|| self.emptied()))?);
        let mut ready = self.ready.write().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(ready.sets.entry(places.into_boxed_slice()).or_insert(candidates)))
    }

    /// Drops what is ready if that is too much; what counts what will be.
    fn emptied(&self) -> Arc<AtomicUsize> {
        let mut ready = self.ready.write().unwrap_or_else(PoisonError::into_inner);
        if ready.is_full() {
            *ready = Ready::default();
        }
        Arc::clone(&ready.kept)
    }

    fn collect(&self, places: &[u32], kept: &Arc<AtomicUsize>) -> Result<Candidates, IndexError> {
        let mut candidates = Candidates {
            bare: Vec::with_capacity(places.len()),
            uses: Uses::default(),
            literals: Vec::new(),
            guarded: Truths::default(),
            narrowed: RwLock::default(),
            kept: Arc::clone(kept),
        };
        kept.fetch_add(weight(places.len()), Ordering::Relaxed);
        for place in places {
            let known = self.bare.get(*place as usize).zip(self.policies.get(*place as usize));
            let Some((once, policy)) = known else { continue };
            let bare = once.get_or_init(|| Bare::new(policy)).as_ref();
            let bare = bare.ok_or_else(|| IndexError::Policy(policy.id().clone()))?;
            candidates.uses.merge(&bare.uses);
            candidates.guarded = candidates.guarded.and(bare.guards.seen());
            candidates.literals.extend_from_slice(&bare.literals);
            candidates.bare.push(Arc::clone(once));
        }
        candidates.literals.sort_unstable();
        candidates.literals.dedup();
        Ok(candidates)
    }

    /// The policy of an id.
    #[must_use]
    pub fn policy(&self, id: &PolicyId) -> Option<&Policy> {
        self.all.policy(id)
    }
}
