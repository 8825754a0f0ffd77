"""Several plans or bucket lists on one traffic: who fails, then what each costs."""
