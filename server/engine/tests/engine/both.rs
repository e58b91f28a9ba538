//! A world on each database, for what the database itself has a part in.

use crate::{database, world::World};

/// Declares, for each named `async fn name(world: &World)`, a module of that name with a test on each
/// database.
macro_rules! on_both_databases {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[tokio::test]
            async fn sqlite() {
                super::$name(&$crate::world::World::new(0).await).await;
            }

            #[tokio::test]
            async fn postgres() {
                let base = $crate::both::Base::make(stringify!($name)).await;
                let world = base.world().await;
                super::$name(&world).await;
                base.remove(world).await;
            }
        }
    )+};
}
pub(crate) use on_both_databases;

/// A database of the PostgreSQL server.
pub struct Base {
    name: String,
    url: String,
}

impl Base {
    pub async fn make(test: &str) -> Self {
        // PostgreSQL cuts names after 63 bytes.
        let name = format!("both_{}_{test:.40}", std::process::id());
        database::remove(&name).await;
        let url = database::copy("template0", &name).await;
        Self { name, url }
    }

    pub async fn world(&self) -> World {
        World::at(&self.url, 0).await
    }

    pub async fn remove(self, world: World) {
        world.engine.store().close().await;
        database::remove(&self.name).await;
    }
}
