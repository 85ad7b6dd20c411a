"""Mixed load with faults and crashes on the whole service, for as long as one likes."""
