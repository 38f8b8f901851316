"""The file behind `RoutedStore`: its tables, its writer, its readers, and its indexes in RAM."""
