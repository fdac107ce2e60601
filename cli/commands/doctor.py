"""`toolyard doctor`: can this host keep programs in their sandbox?"""
