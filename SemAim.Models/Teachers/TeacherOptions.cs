namespace SemAim.Models.Teachers;

/// <summary>What a teacher's file leaves open.</summary>
/// <param name="Key">dictionary of a torch.save file; null: state_dict, model, teacher or the file itself, whichever comes first</param>
/// <param name="Heads">heads of an attention; null: one for every 64 channels, as the public towers have</param>
public sealed record TeacherOptions(string? Key = null, int? Heads = null);
