//! The components of one shard, by name and by position.

use std::cell::RefCell;
use std::rc::Rc;

use wasmtime::Engine;

use super::id::ComponentRef;
use super::loaded::LoadedComponent;
use super::source::{ComponentSource, LoadError};
use crate::host::linker::Linkers;

/// All components of a shard.
///
/// A component that is replaced keeps its place for those who hold its [`ComponentRef`], and the new
/// one gets another, by which it is found from then on.
pub(crate) struct ComponentRegistry {
    components: RefCell<Vec<Option<Rc<LoadedComponent>>>>,
}

impl ComponentRegistry {
    pub(crate) fn load(engine: &Engine, sources: &[ComponentSource]) -> Result<Self, LoadError> {
        let registry = Self {
            components: RefCell::default(),
        };
        registry.add(engine, sources)?;
        Ok(registry)
    }

    /// Load components beside those that are there, or in the place of those of the same names.
    /// It is all of them or none.
    pub(crate) fn add(
        &self,
        engine: &Engine,
        sources: &[ComponentSource],
    ) -> Result<(), LoadError> {
        let linkers = Linkers::new(engine).map_err(LoadError::Host)?;
        let loaded = sources.iter().map(|source| {
            LoadedComponent::new(source, engine, &linkers).map(|new| Some(Rc::new(new)))
        });
        let loaded = loaded.collect::<Result<Vec<_>, _>>()?;
        self.components.borrow_mut().extend(loaded);
        Ok(())
    }

    /// Let go of components that others have replaced, except those in use.
    pub(crate) fn prune(&self) {
        let mut components = self.components.borrow_mut();
        let mut names = Vec::new();
        for place in components.iter_mut().rev() {
            let Some(loaded) = place else { continue };
            if !names.contains(&loaded.info.name) {
                names.push(loaded.info.name.clone());
            } else if Rc::strong_count(loaded) == 1 {
                *place = None;
            }
        }
    }

    pub(crate) fn find(&self, name: &str) -> Option<ComponentRef> {
        let components = self.components.borrow();
        let of_that_name =
            |c: &Option<Rc<LoadedComponent>>| c.as_ref().is_some_and(|c| &*c.info.name == name);
        let index = components.iter().rposition(of_that_name)?;
        u16::try_from(index).ok().map(ComponentRef)
    }

    /// Throws away instances that were put back, until no more than `most` are kept.
    pub(crate) fn shrink_warm(&self, most: usize) {
        let components = self.components.borrow();
        let mut kept = self.warm();
        for component in components.iter().flatten() {
            while kept > most && component.take_warm().is_some() {
                kept -= 1;
            }
        }
    }

    /// How many instances that were put back are kept.
    pub(crate) fn warm(&self) -> usize {
        let components = self.components.borrow();
        components.iter().flatten().map(|one| one.warm()).sum()
    }

    pub(crate) fn get(&self, component: ComponentRef) -> Option<Rc<LoadedComponent>> {
        self.components.borrow().get(component.0 as usize)?.clone()
    }
}
